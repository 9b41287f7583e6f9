"""Carries out writes: lock, check, version, text, rows. For ``store``, ``bundles``, ``api``."""

import re
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any

from django.db import IntegrityError, connection, transaction

from kernel.errors import Conflict, HouseError, Invalid, Missing
from kernel.principal import Principal
from records import access, audit, hooks, jsontext, rows, statements, validate
from records.access import consents
from records.compartments import SEVERAL, Place, place_of
from records.errors import Collision, Gone, named
from records.kinds import KINDS
from records.patches import Patch
from records.search.parameters import index_rows
from records.subscriptions import interest, life
from records.write import ANY, Current, Write

Json = dict[str, Any]
ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
PORTION = 500
"""Writes that are decided and saved at a time: what is written needs less memory than its body."""
__all__ = ["ANY", "Write", "commit", "prepare"]


def commit(writes: Sequence[Write], *, by: Principal, door: bool = False) -> list[Write]:
    """Do every write or none, in one database transaction; return them filled in.

    ``door`` marks writes that come in through the REST API: rules of ownership and hooks apply.
    Raises Invalid, Missing, Conflict, Forbidden and what hooks raise.
    """
    ours = not door and not by.has("partner")
    for write in writes:
        prepare(write, ours=ours)
    try:
        judged = [w for w in writes if door and access.is_narrowed(by, w.kind, w.letter)]
        with nullcontext() if _is_alone(writes, door, judged) else transaction.atomic():
            old = [write for write in writes if not write.fresh]
            if old:
                text = any(hooks.watched(write.kind) or write.patch for write in old)
                statements.lock(old, _seen(old, by), text=text)
            moment = access.milliseconds()
            ordered = sorted(writes, key=_turn)
            made = {write.id for write in writes if write.kind == "Patient" and write.body}
            for begin in range(0, len(writes), PORTION):
                portion = ordered[begin : begin + PORTION]
                for write in portion:
                    write.updated_ms = moment
                    _decide_named(write, by, door)
                if door:
                    _settle(portion, made, by)
                _carry_out([write for write in portion if not _is_nothing(write)], by)
                _let_go(portion, door)
            kept = [write for write in judged if write.method != "DELETE"]
            access.check_written(by, [(w.kind, w.letter, w.id) for w in kept])
            if door:
                _tell(writes, by)
    except IntegrityError as error:
        raise Collision("somebody else wrote this resource at the same moment") from error
    for write in writes:
        if not _is_nothing(write):
            _touch(write, by)
    return list(writes)


def _touch(write: Write, by: Principal) -> None:
    current = write.current
    gone = write.method == "DELETE"
    patient = current.patient if current and gone else write.place.patient
    keeper = write.institution or (current.institution if current else by.institution)
    action = "D" if gone else "C" if write.created else "U"
    audit.touch(audit.Touched(action, write.kind, write.id, write.version, patient, keeper))


def _is_alone(writes: Sequence[Write], door: bool, judged: Sequence[Write]) -> bool:
    """True when a single statement does everything: that is whole by itself."""
    if connection.vendor != "postgresql" or judged or connection.in_atomic_block:
        return False
    if len(writes) > PORTION:
        return False
    return all(
        write.fresh
        and write.kind != "Consent"
        and not (door and hooks.watched(write.kind))
        and not interest.wanted(write.kind)
        and not life.concerns(write)
        for write in writes
    )


def _turn(write: Write) -> tuple[str, str]:
    """The order of writes: two Bundles that make the same ids cannot wait for each other."""
    return ("", "") if write.fresh else (write.kind, write.id)


def _carry_out(writes: Sequence[Write], by: Principal) -> None:
    interest.note([write for write in writes if write.body is None])
    _save(writes, by)
    interest.note([write for write in writes if write.body is not None])
    life.follow(writes, by)
    _tell_consents(writes, by)


def _let_go(writes: Sequence[Write], door: bool) -> None:
    """Forget what is in the tables now; hooks still look at bodies."""
    for write in writes:
        write.rows = None
        if not (door and hooks.watched(write.kind)):
            write.body = None


def prepare(write: Write, *, ours: bool = False) -> None:
    """Check what needs no database: type, id, and the body against the standard.

    With ``ours`` the profiles of the consortium apply unclaimed: it is the writing of a service
    of this house. Raises Invalid.
    """
    if write.kind not in KINDS:
        raise Invalid(write.path or "resourceType", "this resource type is not served")
    if not ID.fullmatch(write.id):
        raise Invalid(f"{write.where}.id", "an id is 1 to 64 letters, digits, '-' and '.'")
    if write.body is not None:
        write.body = {"resourceType": write.kind, **write.body, "id": write.id}
        _check_body(write, write.body, ours=ours)


def _check_body(write: Write, body: Json, *, ours: bool = False) -> None:
    if body["resourceType"] != write.kind:
        raise Invalid(f"{write.where}.resourceType", f"must be {write.kind}")
    validate.check(body, write.path, ours=ours)


def _decide_named(write: Write, by: Principal, door: bool) -> None:
    try:
        _decide(write, by, door)
    except HouseError as error:
        raise named(error, write.path) from None


def _decide(write: Write, by: Principal, door: bool) -> None:
    """Is this write allowed now, and which version does it make?"""
    current = write.current
    if door and write.method != "DELETE":
        access.check_create(by, write.kind)
    if current is not None and not current.seen and write.method != "POST":
        _check_absent(write)
        raise Missing(f"no such {write.kind}")
    if current is None or current.deleted:
        _decide_first(write)
    else:
        _check_version(write, current)
    if door and current is not None:
        _check_owner(write, current, by)
    if write.patch is not None and current is not None:
        _apply(write, write.patch, current)
    write.version = (current.version if current else 0) + 1
    if write.body is not None:
        life.check(write, by)
        write.body = _with_meta(write)
        write.text = jsontext.dumps(write.body)
        write.place = place_of(write.kind, write.body)
        write.rows = index_rows(write.kind, write.body)


def _check_absent(write: Write) -> None:
    """Refuse what needs something to be there; what is hidden is answered like what is not."""
    if write.method == "DELETE" or write.patch is not None:
        raise Missing(f"no such {write.kind}")
    if write.if_match is not None:
        raise Conflict(f"{write.where}: there is no version to match")


def _decide_first(write: Write) -> None:
    if write.current is None:
        _check_absent(write)
    elif write.if_match is not None:
        raise Conflict(f"{write.where}: there is no version to match")
    elif write.patch is not None:
        raise Gone(f"this {write.kind} was deleted")


def _check_version(write: Write, current: Current) -> None:
    if write.method == "POST":
        raise Conflict(f"{write.where}: this id is taken")
    if write.only_new:
        raise Conflict(f"{write.where}: it is there already")
    if write.if_match not in (None, ANY, current.version):
        raise Conflict(f"{write.where}: the current version is {current.version}")


def _check_owner(write: Write, current: Current, by: Principal) -> None:
    if not (write.method == "DELETE" and current.deleted):
        owner = access.Owner(write.kind, write.id, current.institution, current.author)
        access.check_write(by, owner, matched=write.if_match is not None)


def _apply(write: Write, patch: Patch, current: Current) -> None:
    """Make the body out of the current one, which is locked: no other write comes between."""
    write.body = patch.apply(jsontext.load_object(current.text))
    for name, value in (("resourceType", write.kind), ("id", write.id)):
        if write.body.get(name) != value:
            raise Invalid(f"{write.where}.{name}", "must not be changed by a patch")
    _check_body(write, write.body)


def _seen(writes: Sequence[Write], by: Principal) -> dict[str, access.Clause]:
    kinds = {write.kind for write in writes}
    kind = kinds.pop() if len(kinds) == 1 else None
    letters = sorted({write.letter for write in writes})
    return {letter: access.visible(by, kind, letter) for letter in letters}


def _settle(writes: Sequence[Write], made: set[str], by: Principal) -> None:
    """Nobody puts something new into the record of a patient whom they may not see.

    What names such a patient, or one who is not here, lies in no record: the answer is the same.
    It waits for its author to make that patient. ``made`` are the patients of the same Bundle.
    """
    asked = [
        write
        for write in writes
        if write.kind != "Patient"
        and write.place.patient not in {"", SEVERAL, *made}
        and (write.current is None or write.place.patient != write.current.patient)
    ]
    seen, holds = access.visible(by, "Patient")
    if not asked or seen == "TRUE":
        return
    wanted = sorted({write.place.patient for write in asked})
    marks = ", ".join(["%s"] * len(wanted))
    found = rows.fetch(
        "SELECT r.logical_id FROM records_resource r WHERE r.kind = 'Patient' "  # noqa: S608
        f"AND r.logical_id IN ({marks}) AND {seen}",
        [*wanted, *holds],
    )
    shown = {id_ for (id_,) in found}
    for write in asked:
        if write.place.patient not in shown:
            write.place = Place("", frozenset([write.place.patient]))


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
    new = [write for write in writes if write.current is None]
    known = [write for write in writes if write.current is not None]
    if new:
        statements.insert(new, by.reference, by.institution)
    if known:
        for write in known:
            if write.current and access.takes_over(by, write.kind, write.current.author):
                write.keeper = by.reference
        changed = statements.replace(known, by.reference)
        for write in known:
            if write.current and write.current.pk not in changed:
                raise Collision(f"{write.where}: somebody else wrote it first")
    patients = [
        write.id
        for write in writes
        if write.kind == "Patient" and write.created and write.body and not write.fresh
    ]
    if patients:
        statements.adopt(patients, by.reference, by.institution)


def _tell_consents(writes: Sequence[Write], by: Principal) -> None:
    for write in writes:
        if write.kind == "Consent":
            given = consents.Given(write.id, write.place.patient, write.body, write.where)
            consents.project(given, by)


def _tell(writes: Sequence[Write], by: Principal) -> None:
    for write in writes:
        if hooks.watched(write.kind) and not _is_nothing(write):
            current = write.current
            old = jsontext.load_object(current.text) if current and not current.deleted else None
            try:
                hooks.tell(hooks.Change(write.kind, write.id, old, write.body, by))
            except HouseError as error:
                raise named(error, write.path) from None
