"""The patient comes: who they are, what they agree to, whether picture and sound work."""

import hmac

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from accounts import queries as people
from consult import consents, fhir, live, rules
from consult.models import Visit, VisitLink
from consult.services import paying, projection
from kernel.clock import now
from kernel.errors import Forbidden, Refused
from kernel.principal import SYSTEM, Principal
from kernel.transitions import apply, lock
from records import store


def verify_identity(link: VisitLink, *, digits: str) -> Visit:
    """Compare the last four digits of the patient's telephone number.

    Raises Refused for wrong digits and once the link is closed by wrong answers.
    """
    with transaction.atomic():
        link = VisitLink.objects.select_for_update().select_related("visit").get(pk=link.pk)
        right = link.attempts < rules.LINK_ATTEMPTS and _fits(link.visit, digits)
        if right:
            visit = _mark(link.visit, identified_at=now())
        else:
            VisitLink.objects.filter(pk=link.pk).update(attempts=F("attempts") + 1)
    if not right:
        raise Refused(_refusal(link))
    return visit


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
        visit = apply(visit, "check_in", by=by, changes={"waiting_since": now()})
        body = fhir.encounter(projection.facts_of(visit))
        stored = store.create("Encounter", body, by=SYSTEM, institution=visit.institution)
        visit = _mark(visit, encounter_id=stored.id)
        projection.write(visit)
    return visit


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


def _fits(visit: Visit, digits: str) -> bool:
    account = people.patient_account(visit.patient.rpartition("/")[2])
    return hmac.compare_digest(account.phone[-4:].encode(), digits.strip().encode())


def _refusal(link: VisitLink) -> str:
    if link.attempts + 1 >= rules.LINK_ATTEMPTS:
        return _("Too many wrong answers. Please ask the health centre for a new link.")
    return _("These are not the last four digits of the number that we know.")


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
