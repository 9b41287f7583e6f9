"""FHIR search: ``search(kind, pairs, by=principal)`` gives a ``Page``."""

from records.search.query import Page, search

__all__ = ["Page", "search"]
