"""Batch and transaction Bundles (FHIR R4, http.html#transaction).

A transaction is all or nothing, and each error names its entry. All its conditional references
are one question to the database, all its writes a handful of statements.

``entries`` understands each entry, ``planning`` decides ids and makes references point to them
(``references``, ``conditions``), ``carrying`` writes, ``answers`` says what became of it.
"""

from records.bundles.carrying import carry_out, process
from records.bundles.entries import Door

__all__ = ["Door", "carry_out", "process"]
