"""The row of one operation (FHIR R4, operations.html)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from django.http import HttpResponse

from records.api import wire

Level = Literal["system", "type", "instance"]
Handler = Callable[[wire.Exchange], HttpResponse]
STANDARD = "http://hl7.org/fhir/OperationDefinition/"


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: ``name`` without its ``$``, where it may be called, and what carries it out.

    ``kinds`` are the types on which it works, empty for every type. ``definition`` is the canonical
    of its OperationDefinition. An operation that writes has no GET among its ``methods``.
    """

    name: str
    definition: str
    levels: frozenset[Level]
    run: Handler
    kinds: frozenset[str] = frozenset()
    methods: frozenset[str] = frozenset({"GET", "POST"})

    def allows(self, level: Level, kind: str) -> bool:
        """True when it may be called at this level, of this type."""
        return level in self.levels and (level == "system" or not self.kinds or kind in self.kinds)
