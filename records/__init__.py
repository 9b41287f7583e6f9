"""FHIR R4 store and REST API: knows resources, not visits or referrals."""
