"""People and places: institutions, staff, licences, patients, partner systems, sign-in."""
