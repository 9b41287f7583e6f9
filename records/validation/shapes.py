"""The tables of the standard, ready for the walk: one ``Shape`` a type, made when first needed."""

from dataclasses import dataclass
from functools import cache

from records.definitions import Element, choices, element_name, required, types
from records.validation.invariants import Invariant, invariants
from records.validation.primitives import ADDRESSES, Check, check_of


@dataclass(frozen=True, slots=True)
class Rule:
    """What may stand under one JSON name: ``check`` for primitives, the type ``kind`` otherwise.

    ``choice`` is the name that the ways of a choice share; ``codes`` bind a coded element.
    """

    key: str
    kind: str
    many: bool
    check: Check | None
    choice: str
    codes: frozenset[str] | None
    targets: frozenset[str] | None
    points: bool
    invariants: tuple[Invariant, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """A type: its elements, those that it must have (with every way to have them), its rules."""

    kind: str
    resource: bool
    elements: dict[str, Rule]
    required: tuple[tuple[str, tuple[str, ...]], ...]
    invariants: tuple[Invariant, ...]


def is_resource(kind: str) -> bool:
    """True for the types that R4 has as resources."""
    return "meta" in types().get(kind, {}) and "." not in kind


@cache
def shape(kind: str) -> Shape:
    """The shape of a type of the tables."""
    rules = {key: _rule(kind, key, element) for key, element in types()[kind].items()}
    needed = [(name, _ways(kind, name)) for name in required(kind)]
    return Shape(kind, is_resource(kind), rules, tuple(needed), invariants(kind))


def _rule(kind: str, key: str, element: Element) -> Rule:
    name = element_name(kind, key)
    choice = name if name in choices(kind) else ""
    place = f"{kind}.{choice}[x]" if choice else f"{kind}.{key}"
    primitive = element.type not in types() and element.type != "Resource"
    # The id of an element is any string, the id of a resource is an id.
    own = "id" if key == "id" and is_resource(kind) else element.type
    return Rule(
        key=key,
        kind=element.type,
        many=element.many,
        check=check_of(own, element.codes) if primitive else None,
        choice=choice,
        codes=element.codes,
        targets=element.targets,
        points=element.type in ADDRESSES,
        invariants=invariants(place) if place not in types() else (),
    )


def _ways(kind: str, name: str) -> tuple[str, ...]:
    """The JSON names under which an element may stand, extensions of primitives too."""
    keys = [key for key in types()[kind] if element_name(kind, key) == name]
    return (*keys, *(f"_{key}" for key in keys))
