"""Pages of a search that stay what they were while others write.

A cursor remembers the moment of the first page: the newest resource and the newest version then.
A page shows what is written later nowhere, and what was changed later where it would have stood:
such resources are compared, and sorted, by the version of that moment, and shown as they now are.
(What is reached by a chain is taken as it now is.)
"""

# Text is made of constants and marks only; every value travels as a parameter.
# ruff: noqa: S608

import base64
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.core import signing
from django.db import connection, transaction

from kernel.errors import Conflict
from records import jsontext, rows
from records.errors import Malformed
from records.models import Resource
from records.search.clauses import Search, Sort
from records.search.parameters import index_rows

Part = tuple[str, list[Any]]
SALT = "records.search"
LAST = b"\xff" * 16
MOST_CHANGED = 5000
PICKS = "r.kind, r.logical_id, r.version, r.updated_ms, r.content"
FRESH = "r.kind, r.logical_id, r.version, r.fresh_ms, r.fresh"
# The newest resource; the newest version; and the gaps before it, which are versions that somebody
# was just writing (or has given up writing). SQLite has one writer at a time, and no gaps.
MOMENT = {
    "postgresql": """(SELECT (SELECT MAX(id) FROM records_resource) || ';' || MAX(seq) || ';' ||
      COALESCE(string_agg(CASE WHEN seq - before > 1 THEN before || '-' || seq END, ','), '')
      FROM (SELECT seq, LAG(seq) OVER (ORDER BY seq) AS before FROM (
        SELECT seq FROM records_resourceversion ORDER BY seq DESC LIMIT 200) AS w) AS g)""",
    "sqlite": """(SELECT (SELECT MAX(id) FROM records_resource) || ';' || MAX(seq) || ';'
      FROM records_resourceversion)""",
}


@dataclass(frozen=True, slots=True)
class Condition:
    """A search as SQL: ``seen`` is type and access, which hold of now, ``asked`` the criteria."""

    seen: Part
    asked: Part | None

    @property
    def whole(self) -> Part:
        """Both."""
        if self.asked is None:
            return self.seen
        return f"{self.seen[0]} AND {self.asked[0]}", [*self.seen[1], *self.asked[1]]


@dataclass(frozen=True, slots=True)
class Moment:
    """When the first page was read: the greatest keys, and the ranges of unfinished versions."""

    newest: int
    seq: int
    gaps: tuple[tuple[int, int], ...]

    @property
    def later(self) -> Part:
        """A condition on ``records_resourceversion v``: written after this moment."""
        text = "(v.seq > %s" + " OR (v.seq > %s AND v.seq < %s)" * len(self.gaps) + ")"
        return text, [self.seq, *(end for gap in self.gaps for end in gap)]


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page begins: behind ``keys``, in the result of ``moment``."""

    moment: Moment
    keys: list[Any]


@dataclass(slots=True)
class Lines:
    """The rows of a page, its moment, and whether more follow."""

    rows: list[tuple[Any, ...]]
    moment: Moment | None
    more: bool


def read(wanted: Search, where: Condition) -> Lines:
    """Read a page. Raises Malformed for a cursor of another search, Conflict for an old one."""
    cursor = _understood(wanted)
    if cursor is None:
        return _first(wanted, where)
    with _still():
        changed = _changed(wanted, cursor.moment)
        found = _fetch(wanted, _behind(wanted, where, cursor, changed), after=cursor.keys)
    return Lines(found[: wanted.count], cursor.moment, len(found) > wanted.count)


@contextmanager
def _still() -> Iterator[None]:
    """Every statement within sees one moment; inside a transaction, what that one sees."""
    outermost = not connection.in_atomic_block
    with transaction.atomic():
        if outermost and connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def cursor_of(wanted: Search, lines: Lines) -> str:
    """The cursor of the next page, signed; empty at the end."""
    if not lines.more or lines.moment is None:
        return ""
    moment, keys = lines.moment, lines.rows[-1][5:]
    plain = [
        {"b": base64.b64encode(bytes(key)).decode()} if isinstance(key, bytes | memoryview) else key
        for key in keys[: len(wanted.sorts) + 1]
    ]
    said = [_fingerprint(wanted), moment.newest, moment.seq, moment.gaps, plain]
    return signing.dumps(said, salt=SALT, compress=True)


def _first(wanted: Search, where: Condition) -> Lines:
    """The first page; its moment is asked for in the same statement, where there may be more."""
    watched = wanted.paged or bool(wanted.sorts) or not wanted.clauses
    found = _fetch(wanted, _now(wanted, where), watched=watched)
    more = len(found) > wanted.count
    if more and not watched:
        found = _fetch(wanted, _now(wanted, where), watched=True)
        more = len(found) > wanted.count
    return Lines(found[: wanted.count], _moment(found[0][-1]) if more else None, more)


def _moment(text: str) -> Moment:
    newest, seq, gaps = text.split(";")
    pairs = [gap.split("-") for gap in gaps.split(",") if gap]
    return Moment(int(newest), int(seq), tuple((int(a), int(b)) for a, b in pairs))


def _now(wanted: Search, where: Condition) -> Part:
    picks, given = _keys(wanted.sorts)
    said, holds = where.whole
    text = f"SELECT {PICKS}{picks}, r.id FROM records_resource r WHERE {said}"
    return text, [*given, *holds]


def _behind(wanted: Search, where: Condition, cursor: Cursor, changed: dict[int, "Past"]) -> Part:
    """What was there at the moment: the unchanged as they are, the changed as they were."""
    text, given = _now(wanted, where)
    text += " AND r.id <= %s"
    given.append(cursor.moment.newest)
    if not changed:
        return text, given
    marks = ", ".join(["%s"] * len(changed))
    text += f" AND r.id NOT IN ({marks})"
    given += changed
    past = {pk: one for pk, one in changed.items() if one.content}
    if not past:
        return text, given
    old, holds = _as_they_were(wanted, where, past)
    return f"{text} UNION ALL {old}", [*given, *holds]


def _fetch(
    wanted: Search, inner: Part, *, watched: bool = False, after: list[Any] | None = None
) -> list[tuple[Any, ...]]:
    """One row more than a page holds; behind the five picks sort keys, primary key, moment."""
    more = f", {MOMENT[connection.vendor]}" if watched else ""
    tail, values = _after(wanted.sorts, after)
    order = [f"s{n} {'DESC' if s.descending else 'ASC'}" for n, s in enumerate(wanted.sorts)]
    plain = len(wanted.clauses) < 2 and not any(c.links for c in wanted.clauses)
    # With several criteria a page is seldom found soon by walking along the keys, as PostgreSQL
    # hopes where that is the order: a sum is not.
    order.append("id" if plain else "id + 0")
    return rows.fetch(
        f"SELECT q.*{more} FROM ({inner[0]}) AS q {tail} ORDER BY {', '.join(order)} LIMIT %s",
        [*inner[1], *values, wanted.count + 1],
        # Which of several is the rare one is known by their values alone.
        keep_plan=plain,
    )


def _keys(sorts: Sequence[Sort]) -> Part:
    picks, given = "", []
    for place, sort in enumerate(sorts):
        text, values = _sort_key(sort)
        picks += f", {text} AS s{place}"
        given += values
    return picks, given


def _sort_key(sort: Sort) -> Part:
    if sort.parameter.name == "_lastUpdated":
        return "r.updated_ms", []
    if sort.parameter.name == "_id":
        return "r.logical_id", []
    keys = [slot.key() for slot in sort.parameter.slots]
    marks = ", ".join(["%s"] * len(keys))
    # What has no value comes last, either way. PostgreSQL has no max(bytea) before 18.
    order = "DESC" if sort.descending else "ASC"
    select = (
        "SELECT x.v FROM records_indexrow x "
        f"WHERE x.resource_id = r.id AND x.k IN ({marks}) ORDER BY x.v {order} LIMIT 1"
    )
    return f"COALESCE(({select}), %s)", [*keys, b"" if sort.descending else LAST]


def _after(sorts: Sequence[Sort], after: list[Any] | None) -> Part:
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


@dataclass(frozen=True, slots=True)
class Past:
    """What a resource was at the moment; no content where it was not."""

    at_ms: int
    content: str


CHANGED = """
SELECT DISTINCT v.resource_id FROM records_resourceversion v
JOIN records_resource r ON r.id = v.resource_id
WHERE {later} AND r.kind = %s AND r.id <= %s LIMIT %s
"""
BEFORE = """
SELECT v.resource_id, v.at_ms, v.content FROM records_resourceversion v
WHERE v.resource_id IN ({marks}) AND NOT {later} ORDER BY v.version
"""


def _changed(wanted: Search, moment: Moment) -> dict[int, Past]:
    """The resources written since, each as it was."""
    later, given = moment.later
    asked = [*given, wanted.kind, moment.newest, MOST_CHANGED + 1]
    keys = [row[0] for row in rows.fetch(CHANGED.format(later=later), asked)]
    if len(keys) > MOST_CHANGED:
        if wanted.sorts:
            raise Conflict("too much was written since the first page: search again")
        return {}  # in the order of their keys none is seen twice, whatever becomes of it
    found = dict.fromkeys(keys, Past(0, ""))
    if keys:
        marks = ", ".join(["%s"] * len(keys))
        before = BEFORE.format(marks=marks, later=later)
        # The last of each stays.
        found |= {pk: Past(at_ms, text) for pk, at_ms, text in rows.fetch(before, [*keys, *given])}
    return found


COLUMNS = [
    field.column
    for field in Resource._meta.concrete_fields
    if field.column not in ("updated_ms", "content")
]
SHADOW = """(SELECT k, v, resource_id FROM old_rows UNION ALL SELECT k, v, resource_id
 FROM records_indexrow WHERE resource_id NOT IN (SELECT id FROM old))"""


def _as_they_were(wanted: Search, where: Condition, past: dict[int, Past]) -> Part:
    """The same search over the old versions: their rows take the place of those of the index."""
    picks, given = _keys(wanted.sorts)
    indexed = [
        (k, v, pk)
        for pk, one in past.items()
        for k, v in index_rows(wanted.kind, jsontext.load_object(one.content))
    ]
    known = [(pk, one.at_ms, one.content) for pk, one in past.items()]
    old_rows, rows_given = _table(indexed, ("int", "bytea", "bigint"))
    old, old_given = _table(known, ("bigint", "bigint", "text"))
    columns = ", ".join(f"c.{name}" for name in COLUMNS)
    both = (
        f"SELECT {columns}, o.at_ms AS updated_ms, o.content, c.updated_ms AS fresh_ms, "
        "c.content AS fresh FROM records_resource c JOIN old o ON o.id = c.id WHERE c.id IN "
        f"(SELECT r.id FROM records_resource r WHERE {where.seen[0]} "
        "AND r.id IN (SELECT id FROM old))"
    )
    asked, asked_given = where.asked or ("TRUE", [])
    tied = "FROM records_indexrow x"
    picks, asked = (part.replace(tied, f"FROM {SHADOW} x") for part in (picks, asked))
    text = (
        f"SELECT * FROM (WITH old_rows(k, v, resource_id) AS ({old_rows}), "
        f"old(id, at_ms, content) AS ({old}) "
        f"SELECT {FRESH}{picks}, r.id FROM ({both}) AS r WHERE {asked}) AS was"
    )
    return text, [*rows_given, *old_given, *given, *where.seen[1], *asked_given]


def _table(lines: Sequence[tuple[Any, ...]], types: tuple[str, ...]) -> Part:
    """Rows of values as a subselect."""
    if connection.vendor == "postgresql":
        marks = ", ".join(f"%s::{one}[]" for one in types)
        columns = [list(column) for column in zip(*lines, strict=True)] or [[] for _ in types]
        return f"SELECT * FROM unnest({marks})", columns
    one = f"({', '.join(['%s'] * len(types))})"
    return f"VALUES {', '.join([one] * len(lines))}", [v for line in lines for v in line]


def _fingerprint(wanted: Search) -> str:
    """A cursor belongs to its search only."""
    values = [clause.values for clause in wanted.clauses]  # a compartment is among them
    said = repr((wanted.kind, values, [pair for pair in wanted.used if pair[0] != "_count"]))
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def _understood(wanted: Search) -> Cursor | None:
    if not wanted.cursor:
        return None
    try:
        mark, newest, seq, gaps, plain = signing.loads(wanted.cursor, salt=SALT)
    except (signing.BadSignature, ValueError, TypeError):
        mark, newest, seq, gaps, plain = "", 0, 0, [], []
    if mark != _fingerprint(wanted):
        raise Malformed("_cursor", "is not a cursor of this search")
    keys = [base64.b64decode(k["b"]) if isinstance(k, dict) else k for k in plain]
    return Cursor(Moment(newest, seq, tuple((a, b) for a, b in gaps)), keys)
