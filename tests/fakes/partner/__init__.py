"""A partner hospital: its own FHIR server, token endpoint and duty desk, in its own process.

It knows the service only by its public doors: it verifies our signature, takes our transaction
Bundles, and answers over our FHIR API with a token of its own.
"""
