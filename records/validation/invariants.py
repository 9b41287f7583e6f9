"""Invariants of R4: FHIRPath of the standard's own tables, a few by hand where that is much faster.

Every invariant of severity *error* of the served types is evaluated, each in one place: here by its
expression, in ``BY_HAND``, or in a part of the walk that ``ELSEWHERE`` names.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from kernel.errors import Invalid
from records import fhirpath
from records.definitions import Constraint, constraints
from records.fhirpath import Expression, Node
from records.search.values import span

Json = dict[str, Any]
Hand = Callable[[Json], bool]
ELSEWHERE = {
    "ele-1": "walk: empty objects and arrays are refused",
    "dom-2": "references: contained resources contain none",
    "dom-3": "references: what is contained is referred to",
    "dom-4": "references: contained resources have no version",
    "dom-5": "references: contained resources have no labels",
    "ref-1": "references: # names what is contained",
    "txt-1": "narrative: elements and attributes",
    "txt-2": "narrative: it says something",
}
"""Where the walk itself keeps an invariant."""


def _has(node: Json, name: str) -> bool:
    return name in node or "_" + name in node


def _ordered(first: str, last: str) -> Hand:
    """Not after, as far as both are known: days and moments of the same day are in order."""

    def holds(node: Json) -> bool:
        start, end = node.get(first), node.get(last)
        if not isinstance(start, str) or not isinstance(end, str):
            return True
        begin, finish = span(start), span(end)
        return not begin or not finish or begin[0] < finish[1]

    return holds


def _extension(node: Json) -> bool:
    # What else an extension may hold: its id, its url, and how the value is written.
    valued = any(key.startswith(("value", "_value")) for key in node)
    return ("extension" in node) != valued


BY_HAND: dict[str, Hand] = {
    "per-1": _ordered("start", "end"),
    "Task inv-1": _ordered("authoredOn", "lastModified"),
    "mdd-1": _ordered("whenPrepared", "whenHandedOver"),
    "ext-1": _extension,
    "qty-3": lambda node: not _has(node, "code") or _has(node, "system"),
    "cpt-2": lambda node: not _has(node, "value") or _has(node, "system"),
    "att-1": lambda node: not _has(node, "data") or _has(node, "contentType"),
}
"""By key, with the element before it where the key alone does not say which."""


@dataclass(frozen=True, slots=True)
class Invariant:
    """One rule of a type or element, ``says`` with its key."""

    key: str
    says: str
    severity: str
    hand: Hand | None
    expression: Expression

    def broken(self, value: Any, kind: str, around: "Callable[[], tuple[Node, Node]]") -> bool:
        """True when ``value`` of the type ``kind`` breaks it.

        ``around`` gives the nearest resource and the one around that.
        """
        if self.hand is not None:
            return not self.hand(value)
        resource, root = around()
        try:
            node = Node(value, kind)
            return not self.expression.is_true(node, resource=resource, root=root)
        except Invalid:
            return True

    def culprit(
        self, value: Any, kind: str, around: "Callable[[], tuple[Node, Node]]"
    ) -> list[str | int]:
        """Which part breaks a rule on all parts, innermost place first; empty: the whole."""
        resource, root = around()
        node = self.expression.exception(Node(value, kind), resource=resource, root=root)
        places: list[str | int] = []
        while node is not None and node.parent is not None:
            places += [node.index] if node.index >= 0 else []
            places.append(node.key)
            node = node.parent
        return places


@cache
def invariants(place: str) -> tuple[Invariant, ...]:
    """The rules of a type or element whose breach is an error."""
    return tuple(_made(place, each) for each in _own(place) if each.severity == "error")


@cache
def advice(place: str) -> tuple[Invariant, ...]:
    """The rules of a type or element whose breach is a warning."""
    return tuple(_made(place, each) for each in _own(place) if each.severity == "warning")


def _own(place: str) -> list[Constraint]:
    return [each for each in constraints(place) if each.key not in ELSEWHERE]


def _made(place: str, constraint: Constraint) -> Invariant:
    return Invariant(
        constraint.key,
        f"{constraint.human.rstrip('. ')} ({constraint.key})",
        constraint.severity,
        BY_HAND.get(constraint.key) or BY_HAND.get(f"{place} {constraint.key}"),
        fhirpath.compile(constraint.expression, trusted=True),
    )
