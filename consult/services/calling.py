"""The doctor calls, both come, the call ends."""

from dataclasses import dataclass
from typing import Literal

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from consult import live
from consult.models import Visit
from consult.services import projection
from consult.workflow import INSIDE
from kernel.clock import now
from kernel.errors import Forbidden, Refused
from kernel.principal import SYSTEM, Principal
from kernel.transitions import apply, lock
from signaling import services as rooms


@dataclass(frozen=True, slots=True)
class Admission:
    """The way into a call: the room's public id and a ticket that is good for a short time."""

    room: str
    ticket: str


def call_in(visit: Visit, *, by: Principal) -> Visit:
    """Open the room and ring at the patient's page.

    Raises Refused while the doctor is in another call.
    """
    own(visit, by)
    with transaction.atomic():
        visit = _ring(visit, by=by)
        room = rooms.open_room(purpose=visit.purpose, by=by)
        Visit.objects.filter(pk=visit.pk).update(room_id=room.public_id)
        visit.room_id = room.public_id
        projection.write(visit)
        live.changed(visit)
    return visit


def _ring(visit: Visit, *, by: Principal) -> Visit:
    busy = Visit.objects.of_doctor(visit.doctor, visit.institution).filter(state__in=INSIDE)
    if busy.exclude(pk=visit.pk).exists():
        raise Refused(_("You are in another call."))
    try:
        with transaction.atomic():
            return apply(visit, "call_in", by=by, changes={"called_at": now()})
    except IntegrityError:  # another tab called at the same moment: visit_one_call_a_doctor
        raise Refused(_("You are in another call.")) from None


def take_back(visit: Visit, *, by: Principal) -> Visit:
    """The doctor lets the patient wait on, at the same place."""
    own(visit, by)
    return _back(visit, "take_back", by=by)


def no_answer(visit: Visit, *, by: Principal) -> Visit:
    """The patient did not answer: back to the same place, one call more counted."""
    return _back(visit, "no_answer", by=by)


def admit(visit: Visit, *, by: Principal) -> Admission:
    """A fresh ticket for a person of the visit; every way into the room passes here.

    Raises Forbidden for anybody else, Refused while no call is on.
    """
    if by.reference not in (visit.doctor, visit.patient):
        raise Forbidden("only the visit's doctor and patient enter its room")
    if visit.state not in INSIDE or not visit.room_id:
        raise Refused(_("There is no call now."))
    role: Literal["host", "guest"] = "host" if by.reference == visit.doctor else "guest"
    room = rooms.open_room(purpose=visit.purpose, by=by)
    ticket = rooms.issue_ticket(room, who=by.reference, name=by.name, role=role)
    return Admission(room.public_id, ticket)


def presence(purpose: str, who: str, present: bool) -> None:
    """Signaling tells that somebody's media has come to, or left, a room of ours.

    The visit is in progress from the moment that patient and doctor are both there.
    """
    kind, _colon, visit_id = purpose.partition(":")
    found = Visit.objects.filter(public_id=visit_id).first() if kind == "visit" else None
    if found is None or who not in (found.doctor, found.patient):
        return
    with transaction.atomic():
        visit = lock(found)
        column = "doctor_here" if who == visit.doctor else "patient_here"
        setattr(visit, column, present)
        visit.save(update_fields=[column])
        if visit.state == "called" and visit.doctor_here and visit.patient_here:
            visit = apply(visit, "begin", by=SYSTEM, changes={"began_at": now()})
            projection.write(visit)
        live.changed(visit)


def end_call(visit: Visit, *, by: Principal) -> Visit:
    """The doctor ends the call; what remains is to sign."""
    own(visit, by)
    with transaction.atomic():
        visit = apply(
            visit,
            "end_call",
            by=by,
            changes={"ended_at": now(), "doctor_here": False, "patient_here": False},
        )
        close_room(visit, by=by)
        projection.write(visit)
        live.changed(visit)
    return visit


def close_room(visit: Visit, *, by: Principal) -> None:
    """Nobody stays in the room, nobody comes in any more."""
    if visit.room_id:
        room = rooms.open_room(purpose=visit.purpose, by=by)
        rooms.close_room(room, by=by)
        visit.room_id = ""
        visit.save(update_fields=["room_id"])


def own(visit: Visit, by: Principal) -> None:
    """Only the visit's own doctor, acting at its institution. Raises Forbidden."""
    if by.reference != visit.doctor or by.institution != visit.institution:
        raise Forbidden("this is done by the visit's doctor")


def _back(visit: Visit, name: str, *, by: Principal) -> Visit:
    with transaction.atomic():
        changes = {"calls": visit.calls + 1, "doctor_here": False, "patient_here": False}
        visit = apply(visit, name, by=by, changes=changes)
        close_room(visit, by=by)
        projection.write(visit)
        live.changed(visit)
    return visit
