"""What the store hands out."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import orjson

from records import jsontext

Json = dict[str, Any]


@dataclass(frozen=True)
class Stored:
    """A version of a resource. ``text`` is the JSON exactly as served."""

    kind: str
    id: str
    version: int
    updated_ms: int
    text: str
    method: str = "PUT"

    @property
    def last_updated(self) -> datetime:
        """When this version was written (UTC, whole milliseconds)."""
        return datetime.fromtimestamp(self.updated_ms / 1000, UTC)

    @property
    def instant(self) -> str:
        """The same as FHIR writes it."""
        return self.last_updated.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    @property
    def reference(self) -> str:
        """``Kind/id``."""
        return f"{self.kind}/{self.id}"

    @cached_property
    def body(self) -> Json:
        """The resource as a dictionary (decimals are ``Decimal``); yours to change."""
        return jsontext.load_object(self.text)

    @property
    def fragment(self) -> orjson.Fragment:
        """The text, to be put into a larger JSON as it is."""
        return orjson.Fragment(self.text)
