"""The patient comes: who they are, what they agree to, whether picture and sound work."""

from django.db import transaction
from django.utils.translation import gettext as _

from consult import consents, fhir, live, rules, waiting
from consult.models import Visit
from consult.services import paying, projection
from kernel.clock import now
from kernel.errors import Forbidden, Refused
from kernel.principal import SYSTEM, Principal
from kernel.transitions import apply, lock
from records import store


def identify(visit: Visit, *, by: Principal) -> Visit:
    """Keep that the patient has proved who they are (accounts checked the proof)."""
    _own(visit, by)
    with transaction.atomic():
        visit = lock(visit)
        return visit if visit.identified_at else _mark(visit, identified_at=now())


def give_consent(visit: Visit, *, by: Principal) -> Visit:
    """Keep the patient's consent, with the words that were shown, as a Consent resource."""
    _own(visit, by)
    with transaction.atomic():
        visit = lock(visit)
        if visit.consent_id:
            return visit
        at = now()
        text, version = consents.video_visit()
        body = fhir.consent(
            projection.facts_of(visit), by=by.reference, at=at, text=text, version=version
        )
        stored = store.create("Consent", body, by=SYSTEM, institution=visit.institution)
        return _mark(visit, consent_id=stored.id, consented_at=at)


def check_devices(visit: Visit, *, works: bool, by: Principal) -> Visit:
    """Keep how the test of camera and microphone went; it never keeps a patient out."""
    _own(visit, by)
    with transaction.atomic():
        return _mark(lock(visit), devices_checked_at=now(), video_works=works)


def check_in(visit: Visit, *, by: Principal) -> Visit:
    """The patient takes a place in the queue; the encounter begins.

    Raises Refused outside of the time for it, and while identity, consent or payment is missing.
    """
    _may_arrive(visit, by)
    with transaction.atomic():
        visit = lock(visit)
        # The patient's page may check in twice (reload while we answer). The second finds the
        # visit waiting already; for the patient that is success, not a refusal.
        if visit.state == "waiting":
            return visit
        _guard(visit)
        visit = apply(visit, "check_in", by=by, changes=_place(visit))
        body = fhir.encounter(projection.facts_of(visit))
        stored = store.create("Encounter", body, by=SYSTEM, institution=visit.institution)
        visit = _mark(visit, encounter_id=stored.id)
        projection.write(visit)
    return visit


def _place(visit: Visit) -> dict[str, object]:
    """When the patient came and how long they are told to wait."""
    visit.waiting_since = now()
    told = waiting.promise(lengths(visit), Visit.objects.ahead_of(visit).count() + 1)
    low, high = told or (None, None)
    return {"waiting_since": visit.waiting_since, "told_low": low, "told_high": high}


def lengths(visit: Visit) -> list[float]:
    """Minutes of the doctor's recent visits, newest first."""
    mine = Visit.objects.of_doctor(visit.doctor, visit.institution)
    times = mine.filter(began_at__isnull=False, ended_at__isnull=False).order_by("-ended_at")
    return [
        (ended - began).total_seconds() / 60
        for began, ended in times.values_list("began_at", "ended_at")[: rules.SAMPLES]
        if began and ended
    ]


def _guard(visit: Visit) -> None:
    early = visit.start - rules.CHECK_IN_OPENS
    late = visit.end + rules.CHECK_IN_CLOSES
    if not (visit.rehearsal or early <= now() <= late):
        raise Refused(_("It is not yet time, or too late, to come to this visit."))
    if not visit.identified_at:
        raise Refused(_("Please say first who you are."))
    if not visit.consented_at:
        raise Refused(_("Please read and agree first."))
    if not paying.settled(visit):
        raise Refused(_("The visit is not paid yet."))


def _mark(visit: Visit, **columns: object) -> Visit:
    for column, value in columns.items():
        setattr(visit, column, value)
    visit.save(update_fields=list(columns))
    live.changed(visit)
    return visit


def _own(visit: Visit, by: Principal) -> None:
    if by.reference != visit.patient:
        raise Forbidden("this is done by the visit's patient")


def _may_arrive(visit: Visit, by: Principal) -> None:
    if by.reference != visit.patient and not (
        by.has("nurse") and by.institution == visit.institution
    ):
        raise Forbidden("a patient is checked in by themselves or a nurse of the institution")
