"""What the token of a partner system opens: types, letters, and filters, which become SQL.

A filter (``system/Observation.rs?category=laboratory``) is a search of simple criteria: no chain,
no ``_has``, nothing that asks about another resource. One that cannot be understood opens nothing.
"""

from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from kernel import scopes as grammar
from kernel.errors import Forbidden, Invalid
from kernel.principal import SYSTEM, Principal
from kernel.scopes import Scope
from records.kinds import KINDS
from records.search import clauses, sql

Clause = tuple[str, list[Any]]
MODIFIERS = ("", "exact", "identifier", "not", "missing")  # what needs no other resource
KEPT = 1024  # principals' sets of scopes whose conditions are remembered


def check(by: Principal, kind: str, letter: str) -> None:
    """Refuse what a partner's token opens nothing of (``c r u d s``). Raises Forbidden."""
    if by.has("partner") and not opens(by.scopes, kind, letter):
        raise Forbidden(f"the token has no scope system/{kind}.{letter}")


@lru_cache(KEPT)
def opens(scopes: frozenset[str], kind: str, letter: str) -> bool:
    """True when one of ``scopes`` opens ``letter`` on ``kind``, be it narrowed by a filter."""
    return any(scope.opens(kind, letter) for scope in _parsed(scopes))


@lru_cache(KEPT)
def filtered(scopes: frozenset[str], kind: str, letter: str) -> bool:
    """True when only filters open ``letter`` on ``kind``, or nothing does."""
    return "" not in _filters(scopes, kind, letter)


def condition(by: Principal, kind: str | None, letter: str, *, past: bool = False) -> Clause:
    """A condition on ``records_resource r`` that keeps what the token opens for ``letter``.

    ``kind`` is the only type asked for, None for any. ``past`` asks about ``v``, a version of it:
    through a filter only the current one is seen, for the rows of the index tell of no other.
    """
    if not by.has("partner"):
        return "TRUE", []
    text, holds = _condition(by.scopes, kind, letter, past)
    return text, list(holds)


def check_filter(scope: Scope) -> None:
    """Raise Invalid for a filter that is no simple search of the scope's type."""
    if scope.only:
        kind = "Basic" if scope.kind == "*" else scope.kind
        if kind in KINDS:
            _narrowed(kind, scope.only)


@lru_cache(KEPT)
def _parsed(scopes: frozenset[str]) -> tuple[Scope, ...]:
    return tuple(scope for scope in map(grammar.parse, sorted(scopes)) if scope)


def _filters(scopes: frozenset[str], kind: str, letter: str) -> list[str]:
    return [scope.only for scope in _parsed(scopes) if scope.opens(kind, letter)]


@lru_cache(KEPT)
def _condition(
    scopes: frozenset[str], kind: str | None, letter: str, past: bool
) -> tuple[str, tuple[Any, ...]]:
    if kind:
        return _of_kind(scopes, kind, letter, past)
    whole = [name for name in KINDS if not filtered(scopes, name, letter)]
    if len(whole) == len(KINDS):
        return "TRUE", ()
    said, holds = [], list[Any]()
    if whole:
        said.append(f"r.kind IN ({', '.join(['%s'] * len(whole))})")
        holds += whole
    for name in KINDS:
        if name not in whole and opens(scopes, name, letter):
            text, values = _of_kind(scopes, name, letter, past)
            said.append(f"(r.kind = %s AND {text})")
            holds += [name, *values]
    return (f"({' OR '.join(said)})" if said else "FALSE"), tuple(holds)


def _of_kind(
    scopes: frozenset[str], kind: str, letter: str, past: bool
) -> tuple[str, tuple[Any, ...]]:
    filters = _filters(scopes, kind, letter)
    if "" in filters:
        return "TRUE", ()
    said, holds = [], list[Any]()
    for only in filters:
        try:
            text, values = _narrowed(kind, only)
        except Invalid:
            continue
        said.append(text)
        holds += values
    now = " AND v.version = r.version" if past else ""
    return (f"(({' OR '.join(said)}){now})" if said else "FALSE"), tuple(holds)


def _narrowed(kind: str, only: str) -> Clause:
    wanted = clauses.parse(kind, parse_qsl(only, keep_blank_values=True))
    simple = all(not c.links and c.modifier in MODIFIERS for c in wanted.clauses)
    if not wanted.clauses or not simple:
        raise Invalid("scope", "a filter is made of simple search parameters")
    text, holds = sql.criteria(kind, wanted.clauses, SYSTEM)
    return f"({text})", holds
