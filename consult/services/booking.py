"""A visit begins: booked, with the link for its patient."""

import hashlib
from datetime import datetime

from django.db import transaction

from consult import fhir, live, rules
from consult.models import Visit, VisitLink
from consult.services import paying, projection
from kernel.errors import Invalid
from kernel.ids import new_secret
from kernel.principal import SYSTEM, Principal
from records import store


def book_visit(
    *,
    patient: str,
    doctor: str,
    institution: str,
    start: datetime,
    reason: str,
    by: Principal,
    pay_later: bool = False,
    rehearsal: bool = False,
    fee: int = rules.VISIT_FEE,
) -> Visit:
    """Book a video visit and return it; its ``link`` is told this once.

    Writes the Appointment, and the order unless the patient pays later. A rehearsal can be checked
    in at any time and costs nothing.

    Raises Invalid when the references, the reason or the time cannot be.
    """
    _check(patient, doctor, reason, start)
    visit = Visit(
        patient=patient,
        doctor=doctor,
        institution=institution,
        start=start,
        end=start + rules.VISIT_LASTS,
        reason=reason.strip(),
        pay_later=pay_later,
        rehearsal=rehearsal,
        fee=0 if rehearsal else fee,
    )
    with transaction.atomic():
        body = fhir.appointment(projection.facts_of(visit))
        stored = store.create("Appointment", body, by=SYSTEM, institution=institution)
        visit.appointment_id = stored.id
        visit.save()
        visit.link = new_link(visit)
        if not pay_later:
            paying.open_order(visit, by=by)
        live.changed(visit)
    return visit


def new_link(visit: Visit) -> str:
    """A fresh address of the patient's page; only the hash of its token is kept."""
    token = new_secret()
    VisitLink.objects.create(
        visit=visit,
        token_hash=token_hash(token),
        expires_at=visit.end + rules.LINK_LASTS,
    )
    return f"/visit/{token}/"


def token_hash(token: str) -> str:
    """What is kept of a link's token."""
    return hashlib.sha256(token.encode()).hexdigest()


def _check(patient: str, doctor: str, reason: str, start: datetime) -> None:
    if not patient.startswith("Patient/"):
        raise Invalid("patient", "must be a reference to a Patient")
    if not doctor.startswith("Practitioner/"):
        raise Invalid("doctor", "must be a reference to a Practitioner")
    if not 0 < len(reason.strip()) <= 300:
        raise Invalid("reason", "needs 1 to 300 characters")
    if start.tzinfo is None:
        raise Invalid("start", "needs a time zone")
