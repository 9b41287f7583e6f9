"""FHIR R4 (4.0.1) as tables: elements, required codes, search parameters. See docs/decisions."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class Element:
    """What the standard says of one element (choices spelt out: ``valueQuantity``)."""

    type: str
    many: bool
    codes: frozenset[str] | None
    targets: frozenset[str] | None


@cache
def _raw() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((DATA / "r4.json").read_text())
    return content


@cache
def _beyond() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((DATA / "constraints.json").read_text())
    return content


@cache
def types() -> dict[str, dict[str, Element]]:
    """Elements by type (``Patient``, ``Patient.contact``, ``HumanName``) and JSON name."""
    codes = {name: frozenset(values) for name, values in _raw()["codes"].items()}
    return {
        name: {key: _element(row, codes) for key, row in rows.items()}
        for name, rows in _raw()["types"].items()
    }


def _element(row: list[Any], codes: dict[str, frozenset[str]]) -> Element:
    extra = row[2] if len(row) > 2 else None
    return Element(
        row[0],
        bool(row[1]),
        codes[extra] if isinstance(extra, str) else None,
        frozenset(extra) if isinstance(extra, list) else None,
    )


@dataclass(frozen=True, slots=True)
class Constraint:
    """An invariant of the standard: FHIRPath that must be true of an element."""

    key: str
    severity: str
    human: str
    expression: str


@cache
def constraints(place: str) -> tuple[Constraint, ...]:
    """What the standard demands of a type or element (``Period``, ``Organization.telecom``)."""
    return tuple(Constraint(*row) for row in _beyond()["rules"].get(place, ()))


def constrained() -> tuple[str, ...]:
    """Every type and element with constraints."""
    return tuple(_beyond()["rules"])


def required(kind: str) -> tuple[str, ...]:
    """The elements that a type must have, choices by their bare name."""
    return tuple(_beyond()["required"].get(kind, ()))


def choices(kind: str) -> tuple[str, ...]:
    """The bare names of the choices of a type: ``value`` for ``value[x]``."""
    return tuple(_beyond()["choices"].get(kind, ()))


@cache
def element_name(kind: str, key: str) -> str:
    """What FHIRPath calls a JSON key: ``valueQuantity`` is ``value``, ``_status`` is ``status``."""
    name = key.removeprefix("_")
    element = types().get(kind, {}).get(name)
    for base in choices(kind) if element else ():
        if element and name == base + element.type[:1].upper() + element.type[1:]:
            return base
    return name


def search_rows(kind: str) -> dict[str, list[Any]]:
    """Rows by parameter of one served type, or of ``Resource``: see ``make_fhir_definitions``."""
    rows: dict[str, list[Any]] = _raw()["search"].get(kind, {})
    return rows
