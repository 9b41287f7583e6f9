"""Runs a search: one statement for a page, one for the total where asked, few for includes."""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core import signing
from django.db import connection

from kernel.errors import Invalid
from kernel.principal import Principal
from records import access, rows
from records.errors import Malformed
from records.kinds import KINDS
from records.search import clauses, concepts, controls, parameters, sql
from records.search.clauses import Include, Search, Sort
from records.stored import Stored

SALT = "records.search"
DEEPEST_INCLUDE = 3
MOST_INCLUDED = 1000
LAST = b"\xff" * 16


@dataclass(slots=True)
class Page:
    """What a search found. ``next`` is the cursor of the page after, empty at the end."""

    matches: list[Stored]
    included: list[Stored] = field(default_factory=list)
    total: int | None = None
    next: str = ""
    used: list[tuple[str, str]] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)


def search(
    kind: str, given: Iterable[tuple[str, str]], *, by: Principal, lenient: bool = False
) -> Page:
    """Search ``kind`` for what ``by`` may see.

    ``given`` are the pairs of a query string, control parameters (``_count``, ``_sort``,
    ``_include`` …) among them. Raises Malformed (an Invalid) naming a parameter that is wrong.
    """
    if kind not in KINDS:
        raise Invalid("resourceType", "this resource type is not served")
    wanted = controls.parse(kind, given, lenient=lenient)
    where, holds = sql.conditions(kind, concepts.resolved(wanted.clauses, by=by), by)
    if wanted.only_count:
        total = _count(where, holds)
        return Page([], total=total, used=wanted.used, passed=wanted.passed)
    after, bound = _read_cursor(wanted)
    found = _rows(wanted, where, holds, after, bound)
    more = len(found) > wanted.count
    found = found[: wanted.count]
    page = Page([Stored(*row[:5]) for row in found], used=wanted.used, passed=wanted.passed)
    if more:
        page.next = _write_cursor(wanted, found[-1][5:], bound or _newest())
    if wanted.total in ("accurate", "estimate"):
        page.total = _count(where, holds)
    elif not wanted.total and not more and not wanted.cursor:
        page.total = len(found)
    if wanted.includes:
        page.included = _included(wanted.includes, page.matches, by)
    page.matches = [wanted.subset.of(stored) for stored in page.matches]
    page.included = [wanted.subset.of(stored) for stored in page.included]
    return page


def matching(kind: str, query: Sequence[tuple[str, str]], *, by: Principal) -> list[str]:
    """Logical ids, at most two, that a conditional interaction means. Raises Malformed."""
    criteria = clauses.parse(kind, query).clauses
    if not criteria:
        raise Malformed("", "a condition needs a search parameter")
    where, holds = sql.conditions(kind, concepts.resolved(criteria, by=by), by)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT r.logical_id FROM records_resource r WHERE {where} LIMIT 2",  # noqa: S608
            holds,
        )
        return [row[0] for row in cursor.fetchall()]


def _count(where: str, holds: list[Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM records_resource r WHERE {where}", holds)  # noqa: S608
        return int(cursor.fetchone()[0])


def _newest() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT MAX(id) FROM records_resource")
        return int(cursor.fetchone()[0])


def _rows(
    wanted: Search, where: str, holds: list[Any], after: list[Any] | None, bound: int | None
) -> list[tuple[Any, ...]]:
    """One row more than a page holds; sort keys and primary key at the end of each."""
    picks, given = "", []
    for place, sort in enumerate(wanted.sorts):
        text, values = _sort_key(sort)
        picks += f", {text} AS s{place}"
        given += values
    inner = (
        f"SELECT r.kind, r.logical_id, r.version, r.updated_ms, r.content{picks}, r.id "  # noqa: S608
        f"FROM records_resource r WHERE {where}"
    )
    given += holds
    if bound is not None:
        inner += " AND r.id <= %s"
        given.append(bound)
    tail, values = _after(wanted.sorts, after)
    order = [f"s{n} {'DESC' if s.descending else 'ASC'}" for n, s in enumerate(wanted.sorts)]
    return rows.fetch(
        f"SELECT * FROM ({inner}) AS q {tail} "  # noqa: S608
        f"ORDER BY {', '.join([*order, 'id'])} LIMIT %s",
        [*given, *values, wanted.count + 1],
    )


def _sort_key(sort: Sort) -> tuple[str, list[Any]]:
    if sort.parameter.name == "_lastUpdated":
        return "r.updated_ms", []
    if sort.parameter.name == "_id":
        return "r.logical_id", []
    keys = [slot.key() for slot in sort.parameter.slots]
    marks = ", ".join(["%s"] * len(keys))
    # What has no value comes last, either way. PostgreSQL has no max(bytea) before 18.
    order = "DESC" if sort.descending else "ASC"
    select = (
        "SELECT x.v FROM records_indexrow x "  # noqa: S608
        f"WHERE x.resource_id = r.id AND x.k IN ({marks}) ORDER BY x.v {order} LIMIT 1"
    )
    return f"COALESCE(({select}), %s)", [*keys, b"" if sort.descending else LAST]


def _after(sorts: Sequence[Sort], after: list[Any] | None) -> tuple[str, list[Any]]:
    """The rows behind ``after``: later in the first key that differs."""
    if after is None:
        return "", []
    names = [f"s{place}" for place in range(len(sorts))] + ["id"]
    falls = [sort.descending for sort in sorts] + [False]
    tests, given = [], []
    for place, name in enumerate(names):
        same = "".join(f"{names[n]} = %s AND " for n in range(place))
        tests.append(f"({same}{name} {'<' if falls[place] else '>'} %s)")
        given += after[: place + 1]
    return f"WHERE {' OR '.join(tests)}", given


def _fingerprint(wanted: Search) -> str:
    """A cursor belongs to its search only."""
    said = repr((wanted.kind, [pair for pair in wanted.used if pair[0] != "_count"]))
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def _write_cursor(wanted: Search, keys: Sequence[Any], bound: int) -> str:
    plain = [
        {"b": base64.b64encode(bytes(key)).decode()} if isinstance(key, bytes | memoryview) else key
        for key in keys
    ]
    return signing.dumps([_fingerprint(wanted), bound, plain], salt=SALT, compress=True)


def _read_cursor(wanted: Search) -> tuple[list[Any] | None, int | None]:
    if not wanted.cursor:
        return None, None
    try:
        mark, bound, plain = signing.loads(wanted.cursor, salt=SALT)
    except signing.BadSignature:
        mark, bound, plain = "", 0, []
    if mark != _fingerprint(wanted):
        raise Malformed("_cursor", "is not a cursor of this search")
    return [base64.b64decode(k["b"]) if isinstance(k, dict) else k for k in plain], bound


def _included(
    includes: Sequence[Include], matches: Sequence[Stored], by: Principal
) -> list[Stored]:
    """Neighbours of the matches that ``by`` may see, each once."""
    known = {stored.reference for stored in matches}
    found: list[Stored] = []
    fresh, steps = list(matches), 0
    rules = list(includes)
    while fresh and rules and steps < DEEPEST_INCLUDE and len(found) < MOST_INCLUDED:
        near: dict[str, Stored] = {}
        for include in rules:
            near |= _follow(include, fresh, by)
        fresh = [stored for name, stored in near.items() if name not in known]
        known |= near.keys()
        found += fresh
        rules = [include for include in includes if include.again]
        steps += 1
    return found[:MOST_INCLUDED]


def _follow(include: Include, sources: Sequence[Stored], by: Principal) -> dict[str, Stored]:
    if include.reverse:
        targets = [s.reference for s in sources if include.target in ("", s.kind)]
        return _referring(include, targets, by)
    wanted: set[str] = set()
    for stored in sources:
        if stored.kind == include.source:
            wanted |= _references(include, stored)
    return read_many(sorted(wanted), by=by)


def _references(include: Include, stored: Stored) -> set[str]:
    slots = {slot for parameter in include.parameters for slot in parameter.slots}
    keys = {slot.key() for slot in slots}
    rows = parameters.index_rows(stored.kind, stored.body)
    names = {value.decode("utf-8", "replace") for key, value in rows if key in keys}
    return {name for name in names if include.target in ("", name.partition("/")[0])}


def _referring(include: Include, targets: Sequence[str], by: Principal) -> dict[str, Stored]:
    if not targets:
        return {}
    slots = {slot for parameter in include.parameters for slot in parameter.slots}
    where, holds = sql.conditions(include.source, [], by, letter="r")
    keys = ", ".join(["%s"] * len(slots))
    marks = ", ".join(["%s"] * len(targets))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT r.kind, r.logical_id, r.version, r.updated_ms, r.content "  # noqa: S608
            f"FROM records_resource r WHERE {where} AND r.id IN (SELECT x.resource_id "
            f"FROM records_indexrow x WHERE x.k IN ({keys}) AND x.v IN ({marks})) LIMIT %s",
            [
                *holds,
                *(slot.key() for slot in slots),
                *(target.encode() for target in targets),
                MOST_INCLUDED,
            ],
        )
        found = cursor.fetchall()
    return {stored.reference: stored for stored in (Stored(*row) for row in found)}


def read_many(references: Sequence[str], *, by: Principal) -> dict[str, Stored]:
    """The visible ones among ``Kind/id`` references, by reference, in one query."""
    keys = [tuple(name.split("/", 1)) for name in references if name.count("/") == 1]
    if not keys:
        return {}
    condition, holds = access.visible(by)
    pairs = ", ".join(["(%s, %s)"] * len(keys))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT r.kind, r.logical_id, r.version, r.updated_ms, r.content "  # noqa: S608
            "FROM records_resource r "
            f"WHERE (r.kind, r.logical_id) IN (VALUES {pairs}) AND NOT r.deleted AND {condition}",
            [*(part for key in keys for part in key), *holds],
        )
        return {stored.reference: stored for stored in (Stored(*row) for row in cursor.fetchall())}
