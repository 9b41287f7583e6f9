"""The tables of the FHIR store: one file a room."""

from records.models.grants import Grant
from records.models.resources import IndexRow, Resource, ResourceVersion

__all__ = ["Grant", "IndexRow", "Resource", "ResourceVersion"]
