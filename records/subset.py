"""Less than the whole of a resource: ``_summary`` and ``_elements`` (FHIR R4, search.html#summary).

What is left out is said: such a resource is tagged SUBSETTED.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from records import jsontext
from records.definitions import DATA
from records.errors import Malformed
from records.stored import Stored

Json = dict[str, Any]
SUBSETTED = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "SUBSETTED",
    "display": "Resource encoded in summary mode",
}
ALWAYS = frozenset({"resourceType", "id", "meta", "implicitRules", "modifierExtension"})
SUMMARIES = ("true", "text", "data", "false")


@cache
def _tables() -> dict[str, dict[str, list[str]]]:
    content: dict[str, dict[str, list[str]]] = json.loads((DATA / "summaries.json").read_text())
    return content


@dataclass(frozen=True, slots=True)
class Subset:
    """What to leave of a resource. ``elements`` are those asked for, of type ``kind``."""

    summary: str = "false"
    kind: str = ""
    elements: frozenset[str] = frozenset()

    @property
    def text_only(self) -> bool:
        """True for ``_summary=text``."""
        return self.summary == "text"

    def summarised(self, value: str) -> "Subset":
        """With ``_summary=value``. Raises Malformed."""
        if value not in SUMMARIES:
            raise Malformed("_summary", "must be true, text, data, count or false")
        return replace(self, summary=value)

    def limited(self, kind: str, value: str) -> "Subset":
        """With ``_elements=value`` for resources of ``kind``. Raises Malformed."""
        names = frozenset(name.strip().removeprefix(f"{kind}.") for name in value.split(","))
        if not all(name.isidentifier() for name in names):
            raise Malformed("_elements", "must name elements of the resource, joined by commas")
        return replace(self, kind=kind, elements=names)

    def of(self, stored: Stored) -> Stored:
        """What is left of a resource."""
        if self == EVERYTHING:
            return stored
        body = stored.body
        left = self._left(body)
        if left.keys() == body.keys() and self.summary != "true":
            return stored
        meta = left.get("meta", {})
        left["meta"] = {**meta, "tag": [*meta.get("tag", ()), SUBSETTED]}
        return replace(stored, text=jsontext.dumps(left))

    def _left(self, body: Json) -> Json:
        kind = body["resourceType"]
        needed = ALWAYS.union(_tables()["needed"].get(kind, ()))
        if self.elements and kind == self.kind:
            return _kept(body, needed | _named(body, self.elements))
        if self.summary == "true":
            return _summary(body, kind)
        if self.summary == "text":
            return _kept(body, needed | {"text"})
        return {name: value for name, value in body.items() if self._stays(name)}

    def _stays(self, name: str) -> bool:
        return name != "text" or self.summary != "data"


EVERYTHING = Subset()


def asked(kind: str, pairs: Collection[tuple[str, str]]) -> Subset:
    """The subset that a read of one resource asks for. Raises Malformed."""
    found = EVERYTHING
    for name, value in pairs:
        if name == "_summary":
            found = found.summarised(value)
        elif name == "_elements":
            found = found.limited(kind, value)
    return found


def _named(body: Json, names: Collection[str]) -> frozenset[str]:
    """The keys that are meant: choices by their bare name too (``value``, ``valueQuantity``)."""
    return frozenset(
        key
        for key in body
        if (bare := key.removeprefix("_")) in names
        or any(bare.startswith(name) and bare[len(name) :][:1].isupper() for name in names)
    )


def _kept(body: Json, names: Collection[str]) -> Json:
    return {name: value for name, value in body.items() if name.removeprefix("_") in names}


def _summary(node: Json, place: str) -> Json:
    """The summary elements of a type, or of a part of it that has a summary of its own."""
    tables = _tables()
    names = ALWAYS.union(tables["summary"].get(place, ()), tables["needed"].get(place, ()))
    return {
        name: _inner(value, f"{place}.{name}")
        for name, value in node.items()
        if name.removeprefix("_") in names
    }


def _inner(value: Any, place: str) -> Any:
    if place not in _tables()["summary"]:
        return value
    if isinstance(value, list):
        return [_summary(item, place) for item in value]
    return _summary(value, place) if isinstance(value, dict) else value
