"""Which versions an export holds: one statement for each type, access inside it.

An export holds each resource as it was at ``at_ms``. What changed later is taken from its versions.
Where criteria of a search apply (``_typeFilter``, filters of scopes), which only the present index
can answer, it is taken as it is now.
"""

# Text is made of constants and marks only; every value travels as a parameter.
# ruff: noqa: S608

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from django.db import connection

from kernel.principal import Principal
from records import access, scopes
from records.compartments import SEVERAL
from records.export.wish import Wish, criteria
from records.search import sql

Part = tuple[str, list[Any]]
FETCHED_AT_ONCE = 2000
SIZE = {
    "postgresql": "octet_length({0}.content)",
    "sqlite": "length(CAST({0}.content AS BLOB))",
}
ONE_OF = {
    "postgresql": "(SELECT jsonb_array_elements_text(%s::jsonb))",
    "sqlite": "(SELECT value FROM json_each(%s))",
}


class Pick(NamedTuple):
    """A version to be exported: the resource's key, its version, its length in bytes."""

    resource: int
    version: int
    size: int


def check(wish: Wish, by: Principal) -> None:
    """Refuse filters that no statement can be made of. Raises Malformed, Forbidden."""
    for kind in wish.filters:
        _matching(kind, wish, None, by)


def picked(kind: str, wish: Wish, *, at_ms: int, by: Principal) -> Iterator[Pick]:
    """What the export holds of ``kind``, in the order of the keys."""
    if kind in wish.filters or _narrowed(kind, by):
        yield from _run([_matching(kind, wish, None, by)])
    else:
        yield from _run([_matching(kind, wish, at_ms, by), _before_change(kind, wish, at_ms, by)])


def _narrowed(kind: str, by: Principal) -> bool:
    """True when only filters of scopes open ``kind``."""
    return by.has("partner") and any(scopes.filtered(by.scopes, kind, one) for one in "rs")


def deleted(kind: str, wish: Wish, *, at_ms: int, by: Principal) -> Iterator[Pick]:
    """What was deleted since the instant that the wish names."""
    seen, holds = access.visible(by, kind)
    more, given = _limits("r.updated_ms", wish, at_ms)
    select = (
        f"SELECT r.id, r.version, 0 FROM records_resource r "
        f"WHERE r.kind = %s AND r.deleted AND {seen} AND {more}"
    )
    yield from _run([(select, [kind, *holds, *given])])


def _matching(kind: str, wish: Wish, at_ms: int | None, by: Principal) -> Part:
    queries = wish.filters.get(kind)
    wanted = [criteria(kind, q, lenient=wish.lenient) for q in queries] if queries else [[]]
    found = [sql.conditions(kind, clauses, by) for clauses in wanted]
    where = " OR ".join(f"({text})" for text, _ in found)
    holds = [value for _, given in found for value in given]
    more, given = _limits("r.updated_ms", wish, at_ms)
    size = SIZE[connection.vendor].format("r")
    return (
        f"SELECT r.id, r.version, {size} FROM records_resource r WHERE ({where}) AND {more}",
        [*holds, *given],
    )


def _before_change(kind: str, wish: Wish, at_ms: int, by: Principal) -> Part:
    """The version of that moment, of what was changed or deleted after it."""
    seen, holds = access.visible(by, kind, past=True)
    more, given = _limits("v.at_ms", wish, at_ms)
    size = SIZE[connection.vendor].format("v")
    select = (
        f"SELECT r.id, v.version, {size} FROM records_resource r "
        "JOIN records_resourceversion v ON v.resource_id = r.id "
        f"WHERE r.kind = %s AND r.updated_ms > %s AND {seen} AND {more} AND v.method <> 'DELETE' "
        "AND v.version = (SELECT MAX(w.version) FROM records_resourceversion w "
        "WHERE w.resource_id = r.id AND w.at_ms <= %s)"
    )
    return select, [kind, at_ms, *holds, *given, at_ms]


def _limits(moment: str, wish: Wish, at_ms: int | None) -> Part:
    """Conditions on time and patients."""
    said = ["TRUE"]
    given: list[Any] = []
    for test, value in (
        (f"{moment} <= %s", at_ms),
        (f"{moment} > %s", wish.since_ms),
        (f"{moment} <= %s", wish.until_ms),
    ):
        if value is not None:
            said.append(test)
            given.append(value)
    if wish.level != "system":
        said.append(f"r.patient NOT IN ('', '{SEVERAL}')")
    if wish.patients is not None:
        said.append(f"r.patient IN {ONE_OF[connection.vendor]}")
        given.append(json.dumps(wish.patients))
    return " AND ".join(said), given


def _run(parts: Sequence[Part]) -> Iterator[Pick]:
    text = " UNION ALL ".join(select for select, _ in parts)
    given = [value for _, values in parts for value in values]
    # On PostgreSQL a cursor of the server: the list may be longer than memory.
    with connection.chunked_cursor() as cursor:
        cursor.execute(f"SELECT * FROM ({text}) AS q ORDER BY 1", given)
        while found := cursor.fetchmany(FETCHED_AT_ONCE):
            yield from (Pick(*row) for row in found)


CONTENTS = """
SELECT r.id, v.version, r.kind, r.logical_id, v.content FROM records_resource r
JOIN records_resourceversion v ON v.resource_id = r.id
WHERE {chosen} AND {seen} ORDER BY r.id
"""


class Line(NamedTuple):
    """A version read: its resource's key, its number, type and id, its JSON (none if deleted)."""

    resource: int
    version: int
    kind: str
    id: str
    text: str


def contents(picks: Sequence[Pick], *, kind: str, by: Principal) -> list[Line]:
    """The texts of ``picks``, without those that ``by`` may not see any more."""
    chosen, given = _chosen([pick[:2] for pick in picks], kind, by)
    seen, holds = _seen(kind, by)
    with connection.cursor() as cursor:
        cursor.execute(CONTENTS.format(chosen=chosen, seen=seen), [*given, *holds])
        return [Line(*row) for row in cursor.fetchall()]


def _chosen(versions: Sequence[tuple[int, int]], kind: str, by: Principal) -> Part:
    """These versions ``v``; where scopes have filters, which tell of no other, the present ones."""
    if _narrowed(kind, by):
        marks = ", ".join(["%s"] * len(versions))
        text = f"r.id IN ({marks}) AND v.version = r.version AND v.method <> 'DELETE'"
        return text, [resource for resource, _ in versions]
    pairs = ", ".join(["(%s, %s)"] * len(versions))
    text = f"(v.resource_id, v.version) IN (VALUES {pairs})"
    return text, [number for version in versions for number in version]


def _seen(kind: str, by: Principal) -> Part:
    return access.visible(by, kind, past=not _narrowed(kind, by))


def all_seen(versions: Sequence[tuple[int, int]], *, kind: str, by: Principal) -> bool:
    """True when ``by`` may still see every one of these versions of resources of ``kind``."""
    seen, holds = _seen(kind, by)
    for begin in range(0, len(versions), FETCHED_AT_ONCE):
        some = versions[begin : begin + FETCHED_AT_ONCE]
        chosen, given = _chosen(some, kind, by)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT COUNT(*) FROM records_resource r "
                "JOIN records_resourceversion v ON v.resource_id = r.id "
                f"WHERE {chosen} AND {seen}",
                [*given, *holds],
            )
            if cursor.fetchone()[0] != len(some):
                return False
    return True


def known_patients(patients: Sequence[str], *, by: Principal) -> set[str]:
    """Those of ``patients`` (logical ids) whom ``by`` may see."""
    seen, holds = access.visible(by, "Patient")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT r.logical_id FROM records_resource r WHERE r.kind = 'Patient' "
            f"AND NOT r.deleted AND r.logical_id IN {ONE_OF[connection.vendor]} AND {seen}",
            [json.dumps(list(patients)), *holds],
        )
        return {row[0] for row in cursor.fetchall()}
