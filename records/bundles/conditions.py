"""Conditional references, creates, updates and deletes of a Bundle: all asked in one statement."""

import re
from typing import Any
from urllib.parse import parse_qsl

from django.db import connection

from kernel.errors import Conflict, Invalid
from kernel.principal import Principal
from records.errors import Malformed
from records.kinds import KINDS
from records.search import clauses, sql, values
from records.search.parameters import index_rows

Json = dict[str, Any]
Pairs = list[tuple[str, str]]
CONDITION = re.compile(r"([A-Z][A-Za-z]+)\?(.+)")
QUESTIONS_A_STATEMENT = 100


def is_condition(address: str) -> bool:
    """True for ``Practitioner?identifier=…``."""
    found = CONDITION.fullmatch(address)
    return found is not None and found[1] in KINDS


class Questions:
    """Collects conditions, asks the database once, then answers from memory."""

    def __init__(self, by: Principal) -> None:
        self._by = by
        self._asked: dict[tuple[str, tuple[tuple[str, str], ...]], clauses.Search] = {}
        self._found: dict[tuple[str, tuple[tuple[str, str], ...]], list[str]] = {}

    def add(self, kind: str, query: Pairs, path: str) -> None:
        """Ask which ``kind`` fits ``query``. Raises Invalid naming ``path``."""
        key = (kind, tuple(query))
        if key in self._asked:
            return
        try:
            wanted = clauses.parse(kind, query)
        except Malformed as error:
            raise Invalid(f"{path}: {error.issues[0][0]}", error.issues[0][1]) from None
        if not wanted.clauses:
            raise Invalid(path, "the condition is empty")
        self._asked[key] = wanted

    def note(self, address: str, path: str) -> None:
        """Ask for a conditional reference; other addresses are no question."""
        found = CONDITION.fullmatch(address)
        if found and found[1] in KINDS:
            self.add(found[1], parse_qsl(found[2], keep_blank_values=True), path)

    def ask(self) -> None:
        """Put all questions to the database."""
        keys = list(self._asked)
        for begin in range(0, len(keys), QUESTIONS_A_STATEMENT):
            self._ask(keys[begin : begin + QUESTIONS_A_STATEMENT])

    def _ask(self, keys: list[tuple[str, tuple[tuple[str, str], ...]]]) -> None:
        parts, given = [], []
        for number, key in enumerate(keys):
            where, holds = sql.conditions(key[0], self._asked[key].clauses, self._by)
            parts.append(
                f"SELECT {number} AS n, r.logical_id FROM records_resource r WHERE {where}"  # noqa: S608
            )
            given += holds
        with connection.cursor() as cursor:
            cursor.execute(" UNION ALL ".join(parts), given)
            for number, id_ in cursor.fetchall():
                self._found.setdefault(keys[number], []).append(id_)

    def answer(self, kind: str, query: Pairs, path: str) -> str | None:
        """The one logical id that fits, or None. Raises Conflict when several do."""
        found = self._found.get((kind, tuple(query)), [])
        if len(found) > 1:
            raise Conflict(f"{path}: {len(found)} resources fit the condition")
        return found[0] if found else None

    def resolve(self, address: str, path: str, bodies: dict[str, Json]) -> str:
        """``Kind/id`` for a conditional reference, which may mean a resource of the same Bundle.

        ``bodies`` are the resources of the Bundle by reference. Raises Invalid when nothing fits,
        Conflict when several do.
        """
        kind, _, text = address.partition("?")
        query = parse_qsl(text, keep_blank_values=True)
        if id_ := self.answer(kind, query, path):
            return f"{kind}/{id_}"
        wanted = _exact_rows(self._asked[kind, tuple(query)])
        near = [
            name
            for name, body in bodies.items()
            if wanted and name.startswith(f"{kind}/") and wanted <= index_rows(kind, body)
        ]
        if len(near) != 1:
            fault = "several resources fit" if near else "no resource fits"
            raise Invalid(path, f"{fault} this conditional reference")
        return near[0]


def _exact_rows(wanted: clauses.Search) -> set[tuple[int, bytes]]:
    """The index rows that a resource must have, where all criteria are exact tokens; else none."""
    rows: set[tuple[int, bytes]] = set()
    for clause in wanted.clauses:
        exact = clause.parameter.type == "token" and not clause.modifier and len(clause.values) == 1
        system, bar, code = clause.values[0].rpartition("|") if exact else ("", "", "")
        if not bar or not code or len(clause.parameter.slots) != 1:
            return set()
        rows.add((clause.parameter.slots[0].key(), values.token(system, code)))
    return rows
