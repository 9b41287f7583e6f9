"""Carries out writes: lock, check, version, text, rows. For ``store``, ``bundles``, ``api``."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import IntegrityError, connection, transaction

from kernel.errors import Conflict, Invalid, Missing
from kernel.principal import Principal
from records import access, hooks, jsontext, rows, validate
from records.kinds import KINDS
from records.search.parameters import index_rows
from records.search.values import reference

Json = dict[str, Any]
ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
ROWS_A_STATEMENT = 400


@dataclass(slots=True)
class Current:
    """What is in the table now, its row locked."""

    pk: int
    version: int
    deleted: bool
    institution: str
    author: str
    patient: str
    seen: bool
    text: str


@dataclass(slots=True)
class Write:
    """One write. The first part says what is wanted, the second is filled in by ``commit``."""

    method: str
    kind: str
    id: str
    body: Json | None
    if_match: int | None = None
    institution: str | None = None
    path: str = ""
    fresh: bool = False

    current: Current | None = None
    pk: int = 0
    version: int = 0
    updated_ms: int = 0
    text: str = ""

    @property
    def created(self) -> bool:
        """True when there was nothing, or nothing any more."""
        return self.current is None or self.current.deleted

    @property
    def where(self) -> str:
        """The path that errors begin with."""
        return self.path or self.kind


def commit(writes: Sequence[Write], *, by: Principal, door: bool = False) -> list[Write]:
    """Do every write or none, in one database transaction; return them filled in.

    ``door`` marks writes that come in through the REST API: rules of ownership and hooks apply.
    Raises Invalid, Missing, Conflict, Forbidden and what hooks raise.
    """
    for write in writes:
        prepare(write)
    try:
        with transaction.atomic():
            _lock([write for write in writes if not write.fresh], by)
            for write in writes:
                _decide(write, by, door)
            if door:
                _check_patients(writes, by)
            done = [write for write in writes if not _is_nothing(write)]
            _save(done, by)
            if door:
                _tell(done, by)
    except IntegrityError as error:
        raise Conflict("somebody else wrote this resource at the same moment") from error
    return list(writes)


def prepare(write: Write) -> None:
    """Check what needs no database: type, id, and the body against the standard. Raises Invalid."""
    if write.kind not in KINDS:
        raise Invalid(write.path or "resourceType", "this resource type is not served")
    if not ID.fullmatch(write.id):
        raise Invalid(f"{write.where}.id", "an id is 1 to 64 letters, digits, '-' and '.'")
    if write.body is None:
        return
    write.body = {"resourceType": write.kind, **write.body, "id": write.id}
    if write.body["resourceType"] != write.kind:
        raise Invalid(f"{write.where}.resourceType", f"must be {write.kind}")
    validate.check(write.body, write.path)


LOCK = """
SELECT r.kind, r.logical_id, r.id, r.version, r.deleted, r.institution, r.author, r.patient,
  {visible}, {text}
FROM records_resource r WHERE (r.kind, r.logical_id) IN (VALUES {pairs}) ORDER BY r.id {lock}
"""


def _lock(writes: Sequence[Write], by: Principal) -> None:
    """Find and lock what is there, in the order of the primary key: two bundles cannot deadlock."""
    if not writes:
        return
    text = "r.content" if any(hooks.watched(w.kind) for w in writes) else "''"
    lock = "FOR UPDATE" if connection.features.has_select_for_update else ""
    pairs = ", ".join(["(%s, %s)"] * len(writes))
    seen, holds = access.visible(by)
    with connection.cursor() as cursor:
        cursor.execute(
            LOCK.format(visible=seen, text=text, pairs=pairs, lock=lock),
            [*holds, *(part for write in writes for part in (write.kind, write.id))],
        )
        found = {(row[0], row[1]): Current(*row[2:]) for row in cursor.fetchall()}
    for write in writes:
        write.current = found.get((write.kind, write.id))


def _decide(write: Write, by: Principal, door: bool) -> None:
    """Is this write allowed now, and which version does it make?"""
    current = write.current
    if current is None or current.deleted:
        _decide_first(write, by, door)
    else:
        if write.method == "POST":
            raise Conflict(f"{write.where}: this id is taken")
        if write.if_match not in (None, current.version):
            raise Conflict(f"{write.where}: the current version is {current.version}")
        _check_allowed(write, current, by, door)
    write.version = (current.version if current else 0) + 1
    write.updated_ms = access.milliseconds()
    if write.body is not None:
        write.body = _with_meta(write)
        write.text = jsontext.dumps(write.body)


def _decide_first(write: Write, by: Principal, door: bool) -> None:
    if write.if_match is not None:
        raise Conflict(f"{write.where}: there is no version to match")
    if write.method == "DELETE" and write.current is None:
        raise Missing(f"no such {write.kind}")
    if door and write.method != "DELETE":
        access.check_create(by, write.kind)
    if write.current is not None and door and write.method != "DELETE":
        _check_allowed(write, write.current, by, door)


def _check_allowed(write: Write, current: Current, by: Principal, door: bool) -> None:
    if not current.seen:
        raise Missing(f"no such {write.kind}")
    if door:
        owner = access.Owner(write.kind, write.id, current.institution, current.author)
        access.check_write(by, owner, matched=write.if_match is not None)


def _check_patients(writes: Sequence[Write], by: Principal) -> None:
    """Nobody puts something new into the record of a patient whom they may not see."""
    wanted: dict[str, Write] = {}
    for write in writes:
        patient = patient_of(write.kind, write.body) if write.body else ""
        known = write.current.patient if write.current else ""
        if patient and write.kind != "Patient" and patient != known:
            wanted.setdefault(patient, write)
    seen, holds = access.visible(by, "Patient")
    if not wanted or seen == "TRUE":
        return
    hidden = rows.fetch(
        "SELECT r.logical_id FROM records_resource r WHERE r.kind = 'Patient' "  # noqa: S608
        f"AND r.logical_id IN ({_marks(list(wanted))}) AND NOT {seen}",
        [*wanted, *holds],
    )
    for (id_,) in hidden:
        raise Invalid(wanted[id_].where, "refers to a patient whom you may not see")


def _is_nothing(write: Write) -> bool:
    """Deleting what is deleted already changes nothing."""
    return write.method == "DELETE" and write.current is not None and write.current.deleted


def _with_meta(write: Write) -> Json:
    body = write.body or {}
    moment = datetime.fromtimestamp(write.updated_ms / 1000, UTC)
    meta = {
        **body.get("meta", {}),
        "versionId": str(write.version),
        "lastUpdated": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    head = {"resourceType": write.kind, "id": write.id, "meta": meta}
    return head | {key: value for key, value in body.items() if key not in head}


def _save(writes: Sequence[Write], by: Principal) -> None:
    _insert_new([write for write in writes if write.current is None], by)
    known = [write for write in writes if write.current is not None]
    for write in known:
        _replace(write)
    _insert(
        "records_resourceversion",
        ("resource_id", "version", "method", "at_ms", "by_reference", "content"),
        [(w.pk, w.version, w.method, w.updated_ms, by.reference, w.text) for w in writes],
    )
    if known:
        _run(
            f"DELETE FROM records_indexrow WHERE resource_id IN ({_marks(known)})",  # noqa: S608
            [write.pk for write in known],
        )
    rows = [(k, v, w.pk) for w in writes if w.body for k, v in index_rows(w.kind, w.body)]
    _insert("records_indexrow", ("k", "v", "resource_id"), rows)


def _insert_new(writes: Sequence[Write], by: Principal) -> None:
    columns = ("kind", "logical_id", "version", "updated_ms", "deleted", "institution", "patient")
    rows = [
        (
            *(w.kind, w.id, w.version, w.updated_ms, False),
            by.institution if w.institution is None else w.institution,
            *(patient_of(w.kind, w.body or {}), by.reference, w.text),
        )
        for w in writes
    ]
    keys = _insert(
        "records_resource", (*columns, "author", "content"), rows, "kind, logical_id, id"
    )
    made = {(kind, id_): pk for kind, id_, pk in keys}
    for write in writes:
        write.pk = made[write.kind, write.id]


def _replace(write: Write) -> None:
    assert write.current is not None  # noqa: S101
    write.pk = write.current.pk
    gone = write.body is None
    columns: dict[str, Any] = {
        "version": write.version,
        "updated_ms": write.updated_ms,
        "deleted": gone,
    }
    if write.body is not None:
        columns |= {"patient": patient_of(write.kind, write.body), "content": write.text}
    if write.institution is not None:
        columns["institution"] = write.institution
    marks = ", ".join(f"{name} = %s" for name in columns)
    changed = _run(
        f"UPDATE records_resource SET {marks} WHERE id = %s AND version = %s",  # noqa: S608
        [*columns.values(), write.pk, write.current.version],
    )
    if not changed:
        raise Conflict(f"{write.where}: somebody else wrote it first")


def patient_of(kind: str, body: Json) -> str:
    """The logical id of the patient in whose compartment a resource lies, or empty."""
    if kind == "Patient":
        return str(body.get("id", ""))
    for path in KINDS[kind].patient:
        for value in _at(body, path.split(".")):
            target = reference(value.get("reference", "")) if isinstance(value, dict) else None
            if target and target.startswith("Patient/"):
                return target.split("/")[1]
    return ""


def _at(node: Any, path: list[str]) -> Iterator[Any]:
    if isinstance(node, list):
        for item in node:
            yield from _at(item, path)
    elif not path:
        yield node
    elif isinstance(node, dict) and path[0] in node:
        yield from _at(node[path[0]], path[1:])


def _tell(writes: Sequence[Write], by: Principal) -> None:
    for write in writes:
        if hooks.watched(write.kind):
            current = write.current
            old = jsontext.load_object(current.text) if current and not current.deleted else None
            hooks.tell(hooks.Change(write.kind, write.id, old, write.body, by))


def _marks(items: Sequence[Any]) -> str:
    return ", ".join(["%s"] * len(items))


def _run(sql: str, values: Sequence[Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return int(cursor.rowcount)


def _insert(
    table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]], returning: str = ""
) -> list[tuple[Any, ...]]:
    """Insert many rows with few statements; return what ``returning`` asks for."""
    found: list[tuple[Any, ...]] = []
    one = f"({_marks(columns)})"
    tail = f" RETURNING {returning}" if returning else ""
    for begin in range(0, len(rows), ROWS_A_STATEMENT):
        part = rows[begin : begin + ROWS_A_STATEMENT]
        values = ", ".join([one] * len(part))
        sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES {values}{tail}"  # noqa: S608
        with connection.cursor() as cursor:
            cursor.execute(sql, [value for row in part for value in row])
            if returning:
                found += cursor.fetchall()
    return found
