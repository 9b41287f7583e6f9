"""Reads the current version, or one that was: one statement, access in the query."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kernel.errors import Missing
from kernel.principal import Principal
from records import access, audit, rows
from records.errors import Gone
from records.kinds import KINDS
from records.stored import Stored

READ = """
SELECT r.version, r.updated_ms, r.deleted, r.content, r.institution, r.patient, r.author,
  {denied}
FROM records_resource r
WHERE r.kind = %s AND r.logical_id = %s
"""
GRANTED = """
SELECT r.version, r.updated_ms, r.deleted, r.content, r.institution, r.patient
FROM records_resource r
WHERE r.kind = %s AND r.logical_id = %s AND {visible}
"""
VREAD = """
SELECT v.version, v.at_ms, v.method = 'DELETE', v.content, r.institution, r.patient
FROM records_resource r
JOIN records_resourceversion v ON v.resource_id = r.id
WHERE r.kind = %s AND r.logical_id = %s AND v.version = %s AND {visible}
"""


def current(kind: str, id: str, *, by: Principal) -> Stored:  # noqa: A002
    """The current version. Raises Missing, and Gone (a Missing) when deleted."""
    _check_id(kind, id)
    row = next(iter(rows.fetch(READ.format(denied=access.IS_DENIED), [kind, id])), None)
    # Most reads are of one's own, which the row itself tells; planning the condition for all the
    # rest costs the database more than the row. Whatever is not one's own is asked with it.
    if row is not None and access.is_own(by, kind, access.Keeper(*row[4:])):
        return _stored(kind, id, row)
    return _one(GRANTED, kind, id, by)


def past(kind: str, id: str, version: int, *, by: Principal) -> Stored:  # noqa: A002
    """The given version. Raises Missing, and Gone when it is a deletion."""
    _check_id(kind, id)
    return _one(VREAD, kind, id, by, version)


def _check_id(kind: str, id_: str) -> None:
    if "\0" in id_:  # PostgreSQL takes no such text, not even to compare with
        raise Missing(f"no such {kind if kind in KINDS else 'resource'}")


def _one(sql: str, kind: str, id_: str, by: Principal, *more: int) -> Stored:
    condition, holds = access.visible(by, kind, past=bool(more))
    found = rows.fetch(sql.format(visible=condition), [kind, id_, *more, *holds])
    if not found:
        raise Missing(f"no such {kind if kind in KINDS else 'resource'}")
    return _stored(kind, id_, found[0])


def _stored(kind: str, id_: str, row: Sequence[Any]) -> Stored:
    version, updated_ms, deleted, text, keeper, patient = row[:6]
    audit.touch(audit.Touched("R", kind, id_, version, patient, keeper))
    if deleted:
        raise Gone(f"this {kind} was deleted")
    return Stored(kind, id_, version, updated_ms, text)


HISTORY = """
SELECT r.kind, r.logical_id, v.version, v.at_ms, v.content, v.method, v.seq
FROM records_resource r JOIN records_resourceversion v ON v.resource_id = r.id
WHERE {where} ORDER BY v.seq DESC LIMIT %s
"""


# Current in a period: written before its end, not yet followed at its beginning. What was deleted
# before it was no more.
_AT = """
v.at_ms < %s AND NOT EXISTS (SELECT 1 FROM records_resourceversion n
  WHERE n.resource_id = v.resource_id AND n.version = v.version + 1 AND n.at_ms <= %s)
AND (v.method <> 'DELETE' OR v.at_ms >= %s)
"""


@dataclass(frozen=True, slots=True)
class Past:
    """One line of a history: the version, how it came to be, and its place in the order."""

    stored: Stored
    seq: int


def past_versions(
    kind: str | None,
    id: str | None,  # noqa: A002
    *,
    by: Principal,
    limit: int,
    before: int | None = None,
    since_ms: int | None = None,
    at_ms: tuple[int, int] | None = None,
    kinds: Sequence[str] = (),
) -> list[Past]:
    """A page of the history of one resource, of a type or of everything; newest first.

    ``before`` is the ``seq`` of the last line already seen; ``since_ms`` keeps what was written at
    or after that instant; ``at_ms`` keeps what was current at some moment of a period (its end not
    within); ``kinds`` keeps those types.
    """
    _check_id(kind or "", id or "")
    condition, holds = access.visible(by, kind, "r" if id else "s", past=True)
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
    if at_ms is not None:
        first, end = at_ms
        where.append(_AT)
        holds += [end, first, first]
    if kinds:
        where.append(f"r.kind IN ({', '.join(['%s'] * len(kinds))})")
        holds += kinds
    found = rows.fetch(HISTORY.format(where=" AND ".join(where)), [*holds, limit])
    return [Past(Stored(*row[:6]), row[6]) for row in found]
