"""Commands of the FHIR store."""
