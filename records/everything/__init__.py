"""All of a patient's record, or of an encounter, with what it refers to: for ``$everything``."""

from records.everything.gathering import Record, gather, read

__all__ = ["Record", "gather", "read"]
