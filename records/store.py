"""Create, read, update, delete, history: the only writer of resources, versions and index rows.

Works on PostgreSQL and SQLite with a handful of statements, however many resources one call
writes. ``by`` sees only what ``access`` shows; what it may not see is Missing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from kernel.errors import Invalid, Missing
from kernel.ids import new_id
from kernel.principal import Principal
from records import access, bundles, writing
from records.errors import Gone
from records.kinds import KINDS
from records.stored import Stored
from records.writing import Write

Json = dict[str, Any]
__all__ = ["Past", "Stored", "create", "delete", "history", "read", "read_many", "transaction", "update"]


def create(
    kind: str,
    body: Json,
    *,
    by: Principal,
    id: str | None = None,  # noqa: A002
    institution: str | None = None,
) -> Stored:
    """Write a new resource of ``kind``; ``id`` and ``body["id"]`` default to a fresh one.

    ``institution`` is who keeps it, by default the institution for which ``by`` acts.
    Raises Invalid (with element paths), Conflict when the id is taken.
    """
    write = Write("POST", kind, id or new_id(), body, institution=institution)
    return _stored(writing.commit([write], by=by))[0]


def update(
    kind: str,
    id: str,  # noqa: A002
    body: Json,
    *,
    by: Principal,
    if_match: int | None = None,
    institution: str | None = None,
) -> Stored:
    """Write the next version; creates the resource when there is none.

    ``if_match`` is the version that the writer saw. Raises Invalid, Missing when ``by`` may not
    see what is there, Conflict when ``if_match`` is not the current version.
    """
    write = Write("PUT", kind, id, body, if_match=if_match, institution=institution)
    return _stored(writing.commit([write], by=by))[0]


def delete(kind: str, id: str, *, by: Principal, if_match: int | None = None) -> None:  # noqa: A002
    """Delete; the history stays. Deleting twice is no error. Raises Missing, Conflict."""
    writing.commit([Write("DELETE", kind, id, None, if_match=if_match)], by=by)


def transaction(bundle: Json, *, by: Principal) -> Json:
    """Carry out a transaction or batch Bundle and return the response Bundle.

    Raises Invalid, Missing, Conflict with the path of the entry for a transaction; a batch
    reports each entry's outcome in its response.
    """
    return bundles.process(bundle, by=by)


READ = """
SELECT r.version, r.updated_ms, r.deleted, r.content FROM records_resource r
WHERE r.kind = %s AND r.logical_id = %s AND {visible}
"""
VREAD = """
SELECT v.version, v.at_ms, v.method = 'DELETE', v.content FROM records_resource r
JOIN records_resourceversion v ON v.resource_id = r.id
WHERE r.kind = %s AND r.logical_id = %s AND v.version = %s AND {visible}
"""


def read(kind: str, id: str, *, by: Principal, version: int | None = None) -> Stored:  # noqa: A002
    """The current, or the given, version. Raises Missing, and Gone (a Missing) when deleted."""
    condition, holds = access.visible(by, kind)
    sql, given = (READ, [kind, id]) if version is None else (VREAD, [kind, id, version])
    with connection.cursor() as cursor:
        cursor.execute(sql.format(visible=condition), [*given, *holds])
        row = cursor.fetchone()
    if row is None:
        raise Missing(f"no such {kind if kind in KINDS else 'resource'}")
    found, updated_ms, deleted, text = row
    if deleted:
        raise Gone(f"this {kind} was deleted")
    return Stored(kind, id, found, updated_ms, text)


HISTORY = """
SELECT r.kind, r.logical_id, v.version, v.at_ms, v.content, v.method, v.seq
FROM records_resource r JOIN records_resourceversion v ON v.resource_id = r.id
WHERE {where} ORDER BY v.seq DESC LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class Past:
    """One line of a history: the version, how it came to be, and its place in the order."""

    stored: Stored
    seq: int


def history(kind: str, id: str, *, by: Principal) -> list[Stored]:  # noqa: A002
    """Every version, newest first; ``method`` says POST, PUT or DELETE. Raises Missing."""
    found = [past.stored for past in past_versions(kind, id, by=by, limit=10_000)]
    if not found:
        raise Missing(f"no such {kind if kind in KINDS else 'resource'}")
    return found


def past_versions(
    kind: str | None,
    id: str | None,  # noqa: A002
    *,
    by: Principal,
    limit: int,
    before: int | None = None,
    since_ms: int | None = None,
    kinds: Sequence[str] = (),
) -> list[Past]:
    """A page of the history of one resource, of a type or of everything; newest first.

    ``before`` is the ``seq`` of the last line already seen; ``since_ms`` keeps what was written at
    or after that instant; ``kinds`` keeps those types.
    """
    condition, holds = access.visible(by, kind)
    where = [condition]
    for part, value in (
        ("r.kind = %s", kind),
        ("r.logical_id = %s", id),
        ("v.seq < %s", before),
        ("v.at_ms >= %s", since_ms),
    ):
        if value is not None:
            where.append(part)
            holds.append(value)
    if kinds:
        where.append(f"r.kind IN ({', '.join(['%s'] * len(kinds))})")
        holds += kinds
    with connection.cursor() as cursor:
        cursor.execute(HISTORY.format(where=" AND ".join(where)), [*holds, limit])
        rows = cursor.fetchall()
    return [Past(Stored(*row[:6]), row[6]) for row in rows]


def _stored(done: list[Write]) -> list[Stored]:
    return [Stored(w.kind, w.id, w.version, w.updated_ms, w.text, w.method) for w in done]


def read_many(references: Sequence[str], *, by: Principal) -> dict[str, Stored]:
    """The visible ones among ``Kind/id`` references, by reference, in one query."""
    keys = [tuple(reference.split("/", 1)) for reference in references if "/" in reference]
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


def check_kind(kind: str) -> None:
    """Refuse a type that is not served. Raises Invalid."""
    if kind not in KINDS:
        raise Invalid("resourceType", "this resource type is not served")
