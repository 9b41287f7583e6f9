"""Create, read, update, delete, history: the only writer of resources, versions and index rows.

Works on PostgreSQL and SQLite with a handful of statements, however many resources one call
writes. ``by`` sees only what ``access`` shows; what it may not see is Missing.
"""

from typing import Any

from kernel.errors import Missing
from kernel.ids import new_id
from kernel.principal import Principal
from records import bundles, reading, writing
from records.kinds import KINDS
from records.search.includes import read_many
from records.stored import Stored
from records.writing import Write

Json = dict[str, Any]
__all__ = [
    "Stored",
    "create",
    "delete",
    "history",
    "read",
    "read_many",
    "transaction",
    "update",
]


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
    write = Write("POST", kind, id or new_id(), body, institution=institution, fresh=id is None)
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


def read(kind: str, id: str, *, by: Principal, version: int | None = None) -> Stored:  # noqa: A002
    """The current, or the given, version. Raises Missing, and Gone (a Missing) when deleted."""
    return (
        reading.current(kind, id, by=by)
        if version is None
        else reading.past(kind, id, version, by=by)
    )


def history(kind: str, id: str, *, by: Principal) -> list[Stored]:  # noqa: A002
    """Every version, newest first; ``method`` says POST, PUT or DELETE. Raises Missing."""
    found = [past.stored for past in reading.past_versions(kind, id, by=by, limit=10_000)]
    if not found:
        raise Missing(f"no such {kind if kind in KINDS else 'resource'}")
    return found


def _stored(done: list[Write]) -> list[Stored]:
    return [Stored(w.kind, w.id, w.version, w.updated_ms, w.text, w.method) for w in done]
