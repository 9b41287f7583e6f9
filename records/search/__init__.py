"""FHIR search: parameters, clauses, one query."""
