"""In which patient's record a resource lies (FHIR R4 §2.4, CompartmentDefinition "patient").

A resource lies in the record of the one patient whom its type's elements (``kinds``) name. One that
names several lies in nobody's: each would see the other. It is seen by who keeps it, who wrote it
and to whom it was granted by name, and it is denied where any of those whom it names is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from records.definitions import types
from records.kinds import KINDS, PUBLIC
from records.search.values import reference

Json = dict[str, Any]
SEVERAL = "*"  # no logical id


@dataclass(frozen=True, slots=True)
class Place:
    """``patient`` is a logical id, empty, or ``SEVERAL``; then ``named`` are all of them."""

    patient: str
    named: frozenset[str] = frozenset()


NOWHERE = Place("")


def place_of(kind: str, body: Json) -> Place:
    """Where a resource of ``kind`` lies."""
    if kind == "Patient":
        return Place(str(body.get("id", "")))
    if kind in PUBLIC:
        return NOWHERE
    own = {
        patient
        for path in KINDS[kind].patient
        for value in _at(body, path.split("."))
        if isinstance(value, dict) and (patient := _patient(value.get("reference")))
    }
    if len(own) == 1:
        return Place(own.pop())
    if not own and not may_name_several(kind):
        return NOWHERE
    named = frozenset(own) | frozenset(_named(body))
    return Place(SEVERAL, named) if named else NOWHERE


@cache
def may_name_several(kind: str | None) -> bool:
    """False for a type whose resources are about one patient at most; None is any type."""
    if kind is None:
        return True
    paths = KINDS[kind].patient
    return kind not in PUBLIC | {"Patient"} and (len(paths) != 1 or _is_many(kind, paths[0]))


def _is_many(kind: str, path: str) -> bool:
    name, _, rest = path.partition(".")
    element = types()[kind][name]
    return element.many or bool(rest and _is_many(element.type, rest))


def _patient(address: Any) -> str:
    target = reference(address) if isinstance(address, str) else None
    return target.split("/")[1] if target and target.startswith("Patient/") else ""


def _at(node: Any, path: list[str]) -> Iterator[Any]:
    if isinstance(node, list):
        for item in node:
            yield from _at(item, path)
    elif not path:
        yield node
    elif isinstance(node, dict) and path[0] in node:
        yield from _at(node[path[0]], path[1:])


def _named(node: Any) -> Iterator[str]:
    """Every patient to whom something refers, or who is inside, anywhere."""
    if isinstance(node, list):
        for item in node:
            yield from _named(item)
    elif isinstance(node, dict):
        if patient := _patient(node.get("reference")):
            yield patient
        if node.get("resourceType") == "Patient" and isinstance(node.get("id"), str):
            yield node["id"]
        for value in node.values():
            if isinstance(value, dict | list):
                yield from _named(value)
