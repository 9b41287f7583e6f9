"""The search parameters of each served type, compiled once into extractors.

Parameters that look at the same places share their index rows (``patient`` and ``subject``,
``combo-code`` and ``code`` + ``component-code``): a value is stored once.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

from records.definitions import search_rows
from records.kinds import KINDS
from records.search.places import Place, Step, place_of, steps_of
from records.search.values import ROWS, joined

VARIANTS = ("", ":end", ":identifier", ":text", ":of-type", ":here")
COLUMNS = {"_id": "id", "_lastUpdated": "instant"}
"""Parameters that are columns of the resource itself, and their types here."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Index rows of one set of places: ``key`` names them."""

    kind: str
    type: str
    places: tuple[str, ...]

    def key(self, variant: str = "") -> int:
        """The ``k`` of the index; ``variant`` names rows of their own (see ``VARIANTS``)."""
        return _key(f"{self.kind}|{self.type}|{','.join(self.places)}{variant}")


@cache
def _key(name: str) -> int:
    return zlib.crc32(name.encode()) - (1 << 31)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One search parameter of one type.

    ``targets`` limits references (empty: any); ``resolved`` says that references to other types,
    which lie at the same places, do not count. ``components`` are the types of a composite's parts.
    """

    name: str
    type: str
    slots: tuple[Slot, ...]
    targets: tuple[str, ...] = ()
    resolved: bool = False
    url: str = ""
    components: tuple[str, ...] = ()

    @property
    def datatypes(self) -> frozenset[str]:
        """The datatypes of its places."""
        return frozenset(p.rpartition(":")[2] for slot in self.slots for p in slot.places)

    @property
    def plain_codes(self) -> bool:
        """True when values carry no system of their own (``gender``): a given one is implied."""
        return self.type == "token" and self.datatypes <= {"code", "boolean", "exists"}

    def component(self, position: int) -> "Parameter":
        """The part of a composite at ``position``, to compare values with."""
        type_ = self.components[position]
        texts = [p.split(">")[position + 1] for slot in self.slots for p in slot.places]
        places = tuple(place for text in texts for place in text.partition("=")[2].split(" "))
        return Parameter(self.name, type_, (Slot("", type_, places),))


@cache
def of(kind: str) -> dict[str, Parameter]:
    """The parameters of ``kind`` by name, those of every type among them."""
    rows = {**search_rows("Resource"), **search_rows(kind)} if kind in KINDS else {}
    plain = {name: (row[1], _place_texts(row)) for name, row in rows.items()}
    sets = {held for name, held in plain.items() if name not in COLUMNS}
    return {name: _parameter(kind, name, row, sets) for name, row in rows.items()}


def parent(kind: str) -> Parameter | None:
    """The parameter by which resources of a type are part of others of the same type."""
    known = of(kind)
    found = (known[name] for name in ("partof", "part-of") if name in known)
    return next((p for p in found if kind in p.targets), None)


Held = tuple[str, tuple[str, ...]]


def _place_texts(row: list[Any]) -> tuple[str, ...]:
    """The places of a row; of a composite ``base>datatype=place,place>…`` for each base."""
    if row[1] != "composite":
        return tuple(row[2])
    parts = [f"{type_}={' '.join(places)}" for type_, places in row[3]]
    return tuple(">".join([base, *parts]) for base in row[2])


def _parameter(kind: str, name: str, row: list[Any], sets: set[Held]) -> Parameter:
    url, type_ = row[0], row[1]
    if name in COLUMNS:
        return Parameter(name, COLUMNS[name], (), url=url)
    slots = _slots(kind, type_, _place_texts(row), sets)
    if type_ == "composite":
        return Parameter(name, type_, slots, url=url, components=tuple(t for t, _ in row[3]))
    targets = tuple(row[3]) if len(row) > 3 else ()
    return Parameter(name, type_, slots, targets, len(row) > 4, url)


def _slots(kind: str, type_: str, places: tuple[str, ...], sets: set[Held]) -> tuple[Slot, ...]:
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
class Single:
    """Takes one place of a body into index rows."""

    slot: Slot
    place: Place

    @property
    def heads(self) -> set[str]:
        """The elements without which it finds nothing."""
        return {self.place.head}

    def rows(self, body: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
        """Its ``(variant, v)``; ``:here`` says that there is something that cannot be compared."""
        take = ROWS[self.slot.type]
        for value in self.place.values(body):
            nothing = True
            for row in take(value, self.place.datatype):
                nothing = False
                yield row
            if nothing:
                yield ":here", b""


@dataclass(frozen=True, slots=True)
class Composite:
    """Ties the values of one element together: a row for each combination."""

    slot: Slot
    base: tuple[Step, ...]
    parts: tuple[tuple[str, tuple[Place, ...]], ...]

    @property
    def heads(self) -> set[str]:
        """The base, or else what the last part needs."""
        return {self.base[0].name} if self.base else {p.head for p in self.parts[-1][1]}

    def rows(self, body: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
        """Its ``(variant, v)``; there is one variant only."""
        for node in Place(self.base, "").values(body):
            held = [list(self._held(part, node, body)) for part in self.parts]
            for values in product(*held):
                yield "", joined([type_ for type_, _ in self.parts], values)

    def _held(
        self, part: tuple[str, tuple[Place, ...]], node: Any, body: dict[str, Any]
    ) -> Iterator[bytes]:
        type_, places = part
        for place in places:
            for value in place.values(body if place.of_resource else node):
                yield from (
                    row for variant, row in ROWS[type_](value, place.datatype) if not variant
                )


@cache
def _extractors(kind: str) -> dict[str, tuple[Single | Composite, ...]]:
    """Extractors by the first element that they look at."""
    slots = {slot for parameter in of(kind).values() for slot in parameter.slots}
    found: dict[str, list[Single | Composite]] = {}
    for slot in sorted(slots, key=lambda s: (s.type, s.places)):
        for text in slot.places:
            extractor = _composite(slot, text) if ">" in text else Single(slot, place_of(text))
            for head in extractor.heads:
                found.setdefault(head, []).append(extractor)
    return {head: tuple(extractors) for head, extractors in found.items()}


def _composite(slot: Slot, text: str) -> Composite:
    base, *parts = text.split(">")
    split = [part.partition("=") for part in parts]
    return Composite(
        slot,
        steps_of(base),
        tuple((type_, tuple(map(place_of, places.split(" ")))) for type_, _, places in split),
    )


def index_rows(kind: str, body: dict[str, Any]) -> set[tuple[int, bytes]]:
    """Every ``(k, v)`` of a resource."""
    rows: set[tuple[int, bytes]] = set()
    extractors = _extractors(kind)
    for head in body.keys() & extractors.keys():
        for extractor in extractors[head]:
            for variant, row in extractor.rows(body):
                rows.add((extractor.slot.key(variant), row))
    return rows


def check_keys() -> int:
    """Number of keys in use. Raises ValueError when two share a hash; a test runs it."""
    names: dict[int, tuple[Slot, str]] = {}
    for kind in KINDS:
        slots = {slot for parameter in of(kind).values() for slot in parameter.slots}
        for slot in slots:
            for variant in VARIANTS:
                if names.setdefault(slot.key(variant), (slot, variant)) != (slot, variant):
                    raise ValueError(f"two parameters share a key: {slot}")
    return len(names)
