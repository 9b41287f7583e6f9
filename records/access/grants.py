"""Letting somebody see what is not their own, for a reason and perhaps for a time."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from kernel.clock import now
from kernel.errors import Forbidden, Invalid, Missing
from kernel.principal import Principal
from records import audit
from records.access.seeing import milliseconds
from records.kinds import KINDS
from records.models import Grant, Resource

GLASS = timedelta(hours=4)
LONGEST_REASON = 180


def grant(
    *,
    to: str,
    patient: str | None = None,
    resources: Iterable[str] = (),
    why: str,
    until: datetime | None = None,
    write: bool = False,
) -> None:
    """Let ``to`` see the compartment of ``patient`` and the ``resources``; twice is no harm.

    ``to`` is a principal's reference or an institution's public id; ``patient`` is ``Patient/id``,
    ``resources`` are ``Kind/id``; ``write`` lets a partner change the ``resources`` too; ``why`` is
    for the auditor (the public id of a visit or referral); ``until`` is its end, None for open.
    Raises Invalid for a reference that is none.
    """
    end = int(until.timestamp() * 1000) if until else None
    wanted: list[dict[str, Any]] = [
        {"kind": kind, "logical_id": id_} for kind, id_ in map(_split, resources)
    ]
    if patient:
        wanted.append({"patient": _split(patient)[1]})
    for what in wanted:
        writes = {"write": write and "kind" in what}
        Grant.objects.update_or_create(
            to=to, why=why, **what, defaults={"since_ms": milliseconds(), "until_ms": end, **writes}
        )


def revoke(*, to: str, why: str) -> None:
    """End what was granted to ``to`` for the reason ``why``."""
    Grant.objects.filter(to=to, why=why).update(until_ms=milliseconds())


def break_glass(by: Principal, patient: str, *, reason: str) -> datetime:
    """Open the record of ``patient`` (``Patient/id``) to a doctor, whoever keeps or denies it.

    It lasts four hours; the answer is when it ends. The reason stays for the auditor.
    Raises Forbidden for whoever is no doctor, Invalid without a reason, Missing for no patient.
    """
    if not by.has("doctor"):
        raise Forbidden("only a doctor who treats a patient opens a closed record")
    if not reason.strip() or len(reason) > LONGEST_REASON:
        raise Invalid("reason", f"is required, and at most {LONGEST_REASON} characters")
    kind, id_ = _split(patient)
    known = Resource.objects.filter(kind="Patient", logical_id=id_, deleted=False)
    keeper = known.values_list("institution", flat=True).first()
    if kind != "Patient" or keeper is None:
        raise Missing("no such Patient")
    until = now() + GLASS
    Grant.objects.create(
        to=by.reference,
        patient=id_,
        why=f"break-glass: {reason.strip()}",
        breaks_glass=True,
        since_ms=milliseconds(),
        until_ms=int(until.timestamp() * 1000),
    )
    event = audit.made(by, "E", "break-glass")
    event.kind, event.logical_id, event.patient = "Patient", id_, id_
    event.keeper, event.why = keeper, reason.strip()
    audit.note(event)
    return until


def _split(reference: str) -> tuple[str, str]:
    kind, _, id_ = reference.partition("/")
    if kind not in KINDS or not id_:
        raise Invalid("resources", f"{kind} is not a reference to a served type")
    return kind, id_
