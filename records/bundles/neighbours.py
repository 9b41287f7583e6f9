"""Which resources of the same Bundle a condition means: looked up in memory."""

from collections import defaultdict
from typing import Any

from records.search import values
from records.search.clauses import Clause, Search
from records.search.parameters import index_rows

Json = dict[str, Any]
Rows = dict[tuple[int, bytes], set[str]]


class Neighbours:
    """The resources that a Bundle writes, by ``Kind/id``."""

    def __init__(self, bodies: dict[str, Json]) -> None:
        self._bodies = bodies
        self._rows: dict[str, Rows] = {}

    def written(self, reference: str) -> bool:
        """True when the Bundle writes this resource."""
        return reference in self._bodies

    def matching(self, wanted: Search) -> set[str]:
        """The references of those that fit; none where a criterion is not a plain token."""
        rows = self._of(wanted.kind)
        sets = [_of_clause(clause, rows) for clause in wanted.clauses]
        return set.intersection(*sets) if sets else set()

    def _of(self, kind: str) -> Rows:
        """The index rows of the resources of one type, made when first asked for."""
        if kind not in self._rows:
            rows: Rows = defaultdict(set)
            for name, body in self._bodies.items():
                if name.startswith(f"{kind}/"):
                    for row in index_rows(kind, body):
                        rows[row].add(name)
            self._rows[kind] = dict(rows)
        return self._rows[kind]


def _of_clause(clause: Clause, rows: Rows) -> set[str]:
    if clause.parameter.type != "token" or clause.modifier:
        return set()
    keys = [slot.key() for slot in clause.parameter.slots]
    return set().union(*(_of_token(value, keys, rows) for value in clause.values))


def _of_token(value: str, keys: list[int], rows: Rows) -> set[str]:
    system, bar, code = value.rpartition("|")
    if not code:
        return set()
    if bar:
        row = values.token(system, code)
        return set().union(*(rows.get((key, row), ()) for key in keys))
    begin = values.cut(f"{code}|")
    return set().union(*(n for (k, v), n in rows.items() if k in keys and v.startswith(begin)))
