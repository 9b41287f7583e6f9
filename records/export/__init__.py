"""Bulk export (HL7 FHIR Bulk Data Access 2.0.0): ``services`` is the door, ``work`` the worker."""
