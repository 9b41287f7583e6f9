"""Conditional references, creates, updates, patches and deletes of a Bundle: asked together."""

import re
from typing import Any
from urllib.parse import parse_qsl

from django.db import connection

from kernel.errors import Conflict, Forbidden, Invalid
from kernel.principal import Principal
from records import scopes
from records.bundles.neighbours import Neighbours
from records.conditions import Pairs
from records.errors import Malformed, named
from records.kinds import KINDS
from records.search import clauses, sql

Json = dict[str, Any]
Key = tuple[str, tuple[tuple[str, str], ...]]
CONDITION = re.compile(r"([A-Z][A-Za-z]+)\?(.+)", re.DOTALL)
QUESTIONS_A_STATEMENT = 100


def is_condition(address: str) -> bool:
    """True for ``Practitioner?identifier=…``."""
    found = CONDITION.fullmatch(address)
    return found is not None and found[1] in KINDS


class Questions:
    """Collects conditions, asks the database once, then answers from memory."""

    def __init__(self, by: Principal) -> None:
        self._by = by
        self._asked: dict[Key, clauses.Search] = {}
        self._found: dict[Key, list[str]] = {}
        self._gone: set[str] = set()

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
        """Ask for a conditional reference. Raises Forbidden: what a token may not search."""
        kind, query = _split(address)
        try:
            scopes.check(self._by, kind, "s")
        except Forbidden as error:
            raise named(error, path) from None
        self.add(kind, query, path)

    def ask(self) -> None:
        """Put all questions to the database."""
        keys = list(self._asked)
        for begin in range(0, len(keys), QUESTIONS_A_STATEMENT):
            self._ask(keys[begin : begin + QUESTIONS_A_STATEMENT])

    def _ask(self, keys: list[Key]) -> None:
        parts, given = [], []
        for number, key in enumerate(keys):
            where, holds = sql.conditions(key[0], self._asked[key].clauses, self._by)
            # Two are enough to know that it is not one.
            parts.append(
                f"SELECT * FROM (SELECT {number} AS n, r.logical_id FROM records_resource r "  # noqa: S608
                f"WHERE {where} LIMIT {2 + len(self._gone)}) AS q{number}"
            )
            given += holds
        with connection.cursor() as cursor:
            cursor.execute(" UNION ALL ".join(parts), given)
            for number, id_ in cursor.fetchall():
                self._found.setdefault(keys[number], []).append(id_)

    def forget(self, reference: str) -> None:
        """What the Bundle deletes fits no other condition of it any more."""
        self._gone.add(reference)

    def answer(self, kind: str, query: Pairs, path: str) -> str | None:
        """The one logical id that fits, or None. Raises Conflict when several do."""
        found = self._still(kind, query)
        if len(found) > 1:
            raise Conflict(f"{path}: several resources fit the condition")
        return found[0] if found else None

    def learn(self, kind: str, query: Pairs, id_: str) -> None:
        """From now on this is what fits: an entry before makes it."""
        self._found[kind, tuple(query)] = [id_]

    def _still(self, kind: str, query: Pairs) -> list[str]:
        found = self._found.get((kind, tuple(query)), [])
        return [id_ for id_ in found if f"{kind}/{id_}" not in self._gone]

    def resolve(self, address: str, path: str, near: Neighbours) -> str:
        """``Kind/id`` for a conditional reference, which may mean a resource of the same Bundle.

        Raises Invalid when nothing fits, Conflict when several do.
        """
        kind, query = _split(address)
        found = {f"{kind}/{id_}" for id_ in self._still(kind, query)}
        found |= near.matching(self._asked[kind, tuple(query)])
        if len(found) > 1:
            raise Conflict(f"{path}: several resources fit this conditional reference")
        if not found:
            raise Invalid(path, "no resource fits this conditional reference")
        return found.pop()


def _split(address: str) -> tuple[str, Pairs]:
    kind, _, text = address.partition("?")
    return kind, parse_qsl(text, keep_blank_values=True)
