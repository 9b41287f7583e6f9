"""Visits that end without a record: cancelled, nobody came, to be seen in person."""

from collections.abc import Callable

from django.db import transaction
from django.db.models import Q

from consult import live, rules
from consult.models import Visit
from consult.services import paying, projection
from consult.services.calling import close_room, no_answer, own
from consult.workflow import CLINIC_REASONS, UNSUITABLE_REASONS
from kernel.clock import now
from kernel.errors import Forbidden, Invalid, Refused
from kernel.principal import SYSTEM, Principal
from kernel.transitions import apply


def cancel(visit: Visit, *, reason: str = "", by: Principal) -> Visit:
    """Cancel, as the patient or as the clinic (which gives a coded reason). Money goes back.

    Raises Forbidden for other institutions, Invalid for an unknown reason, Refused too late.
    """
    if by.reference == visit.patient:
        return _end(visit, "cancel_by_patient", reason="patient", by=by)
    if by.institution != visit.institution:
        raise Forbidden("a visit is cancelled by its patient or its institution")
    if reason not in CLINIC_REASONS:
        raise Invalid("reason", f"unknown code {reason!r}")
    return _end(visit, "cancel_by_clinic", reason=reason, by=by)


def decline_online(visit: Visit, *, reason: str, by: Principal) -> Visit:
    """The doctor finds that this patient must be seen in person; nothing is charged.

    Raises Forbidden for other doctors, Invalid for an unknown reason, Refused too late.
    """
    own(visit, by)
    if reason not in UNSUITABLE_REASONS:
        raise Invalid("reason", f"unknown code {reason!r}")
    return _end(visit, "decline_online", reason=reason, by=by)


def patient_absent(visit: Visit, *, by: Principal) -> Visit:
    """The patient did not come."""
    if by != SYSTEM:
        own(visit, by)
    return _end(visit, "patient_absent", reason="patient-absent", by=by)


def doctor_absent(visit: Visit, *, by: Principal = SYSTEM) -> Visit:
    """The doctor never called: an apology, and the money back."""
    return _end(visit, "doctor_absent", reason="doctor-absent", by=by)


def sweep() -> int:
    """What the clock does: calls without an answer, patients and doctors who did not come.

    Returns how many visits were moved.
    """
    moment = now()
    rang_out = Q(state="called", called_at__lt=moment - rules.RINGS_FOR, patient_here=False)
    given_up = moment - rules.DOCTOR_ABSENT_AFTER
    forgotten = Q(state="waiting", start__lt=given_up, waiting_since__lt=given_up)
    never_came = Q(state="booked", end__lt=moment - rules.PATIENT_ABSENT_AFTER, rehearsal=False)
    return (
        _each(rang_out, no_answer)
        + _each(forgotten, doctor_absent)
        + _each(never_came, patient_absent)
    )


def _each(which: Q, act: Callable[..., Visit]) -> int:
    moved = 0
    for visit in Visit.objects.filter(which).order_by("pk")[:200]:
        try:
            act(visit, by=SYSTEM)
        except Refused:  # somebody was faster
            continue
        moved += 1
    return moved


def _end(visit: Visit, name: str, *, reason: str, by: Principal) -> Visit:
    with transaction.atomic():
        changes = {"ended_at": now(), "doctor_here": False, "patient_here": False}
        visit = apply(visit, name, by=by, changes=changes, facts={"reason": reason})
        close_room(visit, by=by)
        projection.write(visit)
        paying.release(visit, reason=reason)
        live.changed(visit)
    return visit
