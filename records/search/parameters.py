"""The search parameters of each served type, compiled once into extractors.

Parameters that look at the same places share their index rows (``patient`` and ``subject``,
``combo-code`` and ``code`` + ``component-code``): a value is stored once.
"""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from records.definitions import search_rows
from records.kinds import KINDS
from records.search.values import ROWS

PLACE = re.compile(r"(?P<path>[\w.]+)(?:\[(?P<key>\w+)=(?P<value>\w+)\])?:(?P<type>\w+)")
UNTRUE = frozenset({"phonetic"})  # promises a comparison by sound, which we do not do


@dataclass(frozen=True, slots=True)
class Place:
    """Where values lie, and of which datatype."""

    path: tuple[str, ...]
    only: tuple[str, str] | None
    datatype: str

    def values(self, body: dict[str, Any]) -> Iterator[Any]:
        """Every value there, lists flattened."""
        for value in _walk(body, self.path):
            if self.only is None or value.get(self.only[0]) == self.only[1]:
                yield value


def _walk(node: Any, path: tuple[str, ...]) -> Iterator[Any]:
    if isinstance(node, list):
        for item in node:
            yield from _walk(item, path)
    elif not path:
        if node is not None:
            yield node
    elif isinstance(node, dict) and path[0] in node:
        yield from _walk(node[path[0]], path[1:])


@dataclass(frozen=True, slots=True)
class Slot:
    """Index rows of one set of places: ``key`` names them."""

    kind: str
    type: str
    places: tuple[str, ...]

    def key(self, variant: str = "") -> int:
        """The ``k`` of the index; ``variant`` is ``:end`` or ``:identifier`` for their own rows."""
        return _key(f"{self.kind}|{self.type}|{','.join(self.places)}{variant}")


@cache
def _key(name: str) -> int:
    return zlib.crc32(name.encode()) - (1 << 31)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One search parameter of one type; ``targets`` limits references (empty: any)."""

    name: str
    type: str
    slots: tuple[Slot, ...]
    targets: tuple[str, ...] = ()

    @property
    def plain_codes(self) -> bool:
        """True when values carry no system of their own (``gender``): a given one is implied."""
        places = [place for slot in self.slots for place in slot.places]
        return all(place.endswith((":code", ":boolean")) for place in places)


@cache
def of(kind: str) -> dict[str, Parameter]:
    """The parameters of ``kind`` by name."""
    rows = {name: row for name, row in search_rows(kind).items() if name not in UNTRUE}
    sets = {(row[0], tuple(row[1])) for row in rows.values()}
    return {
        name: Parameter(
            name,
            row[0],
            _slots(kind, row[0], tuple(row[1]), sets),
            tuple(row[2]) if len(row) > 2 else (),
        )
        for name, row in rows.items()
    }


def _slots(
    kind: str, type_: str, places: tuple[str, ...], sets: set[tuple[str, tuple[str, ...]]]
) -> tuple[Slot, ...]:
    smaller = [s for t, s in sets if t == type_ and set(s) < set(places)]
    smaller.sort(key=lambda s: (-len(s), s))
    chosen: list[tuple[str, ...]] = []
    for candidate in smaller:
        if not set(candidate) & {place for one in chosen for place in one}:
            chosen.append(candidate)
    if {place for one in chosen for place in one} != set(places):
        chosen = [places]
    return tuple(Slot(kind, type_, one) for one in chosen)


@dataclass(frozen=True, slots=True)
class Extractor:
    """Takes one place of a body into index rows."""

    slot: Slot
    place: Place


@cache
def _extractors(kind: str) -> dict[str, tuple[Extractor, ...]]:
    """Extractors by the first element that they look at."""
    slots = {slot for parameter in of(kind).values() for slot in parameter.slots}
    found: dict[str, list[Extractor]] = {}
    for slot in sorted(slots, key=lambda s: (s.type, s.places)):
        for place in map(_place, slot.places):
            found.setdefault(place.path[0], []).append(Extractor(slot, place))
    return {head: tuple(extractors) for head, extractors in found.items()}


def _place(text: str) -> Place:
    found = PLACE.fullmatch(text)
    if found is None:
        raise ValueError(f"not a place: {text}")
    only = (found["key"], found["value"]) if found["key"] else None
    return Place(tuple(found["path"].split(".")), only, found["type"])


def index_rows(kind: str, body: dict[str, Any]) -> set[tuple[int, bytes]]:
    """Every ``(k, v)`` of a resource."""
    rows: set[tuple[int, bytes]] = set()
    extractors = _extractors(kind)
    for head in body.keys() & extractors.keys():
        for extractor in extractors[head]:
            slot = extractor.slot
            for value in extractor.place.values(body):
                for variant, row in ROWS[slot.type](value, extractor.place.datatype):
                    rows.add((slot.key(variant), row))
    return rows


def check_keys() -> int:
    """Number of keys in use. Raises ValueError when two share a hash; a test runs it."""
    names: dict[int, tuple[Slot, str]] = {}
    for kind in KINDS:
        slots = {slot for parameter in of(kind).values() for slot in parameter.slots}
        for slot in slots:
            for variant in ("", ":end", ":identifier"):
                if names.setdefault(slot.key(variant), (slot, variant)) != (slot, variant):
                    raise ValueError(f"two parameters share a key: {slot}")
    return len(names)
