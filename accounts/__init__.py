"""People and places: institutions, staff, licences, patients' accounts, partner systems, sign-in."""
