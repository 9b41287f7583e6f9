"""The FHIR store and its REST API."""
