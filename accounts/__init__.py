"""People and places: institutions, staff, licences, patients, partners, sign-in."""
