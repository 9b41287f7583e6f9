"""The patient's pages of one visit: coming in, waiting, the call, afterwards."""

from typing import Literal

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import queries as directory
from accounts.queries import StaffMember
from consult import consents, fhir, waiting
from consult.models import Visit
from consult.pages import (
    Badge,
    ConsentStep,
    DeviceStep,
    Doctor,
    Event,
    IdentityStep,
    Money,
    Notice,
    PatientCall,
    PatientEnd,
    PatientStart,
    PatientSummary,
    PatientWait,
    PayStep,
    Promise,
    QueuePlace,
    ToDo,
)
from consult.queries import referrals as referred
from consult.queries.actions import patient_actions, state_badge
from consult.queries.visit_page import signed_diagnoses
from consult.services.arriving import lengths
from consult.services.paying import settled
from consult.workflow import CLINIC_REASONS, UNSUITABLE_REASONS
from kernel.errors import Missing
from kernel.principal import Principal
from payments import queries as payments
from records import store

Step = Literal["identity", "consent", "device", "pay"]
End = Literal["cancelled", "doctor_absent", "patient_absent", "failed", "refused", "expired"]
ENDS: dict[str, End] = {
    "cancelled_by_patient": "refused",
    "cancelled_by_clinic": "cancelled",
    "no_show_patient": "patient_absent",
    "no_show_clinician": "doctor_absent",
    "unsuitable_online": "failed",
}


def step_of(visit: Visit, *, proved: bool) -> Step | None:
    """What the patient must do before they can take their place; None when all is done."""
    if not (proved and visit.identified_at):
        return "identity"
    if not visit.consented_at:
        return "consent"
    if not visit.devices_checked_at:
        return "device"
    return None if settled(visit) else "pay"


def start_page(
    visit: Visit,
    token: str,
    step: Step,
    *,
    sent: bool = False,
    demo_code: str = "",
    error: str = "",
    name: str = "",
) -> PatientStart:
    """``patient/start.html``. Before identity is proved it tells nothing about the patient."""
    return PatientStart(
        institution=_institution(visit),
        step=step,
        at=visit.start,
        doctor=_doctor(visit),
        name=name,
        identity=_identity(visit, token, sent, demo_code, error) if step == "identity" else None,
        consent=_consent(token) if step == "consent" else None,
        device=_device(token) if step == "device" else None,
        pay=_pay(visit, token, error) if step == "pay" else None,
    )


def wait_page(visit: Visit, token: str, principal: Principal) -> PatientWait:
    """``patient/wait.html``."""
    return PatientWait(
        institution=_institution(visit),
        name=principal.name,
        at=visit.start,
        doctor=doctor_of(visit),
        place=place_of(visit),
        notice=_notice(visit),
        actions=patient_actions(visit, principal, token),
        socket=socket_of(token),
        call_url=reverse("patient:call", args=(token,)),
        state=visit.state,
    )


def place_of(visit: Visit) -> QueuePlace | None:
    """``patient/_place.html``: the place in the queue; None before the patient has come."""
    if visit.waiting_since is None:
        return None
    ahead = Visit.objects.ahead_of(visit).count()
    past = lengths(visit)
    told = waiting.promise(past, ahead + 1)
    return QueuePlace(
        ahead=ahead,
        promise=Promise(*told) if told else None,
        samples=len(past),
        ready=visit.video_works is not False,
        called=visit.state in ("called", "in_progress"),
        call_id=visit.room_id,
    )


def doctor_of(visit: Visit) -> Doctor:
    """``patient/_doctor.html``: the doctor and whether they see somebody else now."""
    return _doctor(visit, _busy(visit))


def call_page(visit: Visit, token: str, principal: Principal) -> PatientCall:
    """``patient/call.html``."""
    return PatientCall(
        institution=_institution(visit),
        doctor=_doctor(visit),
        name=principal.name,
        socket=f"/ws/room/{visit.room_id}/",
        ticket=reverse("patient:ticket", args=(token,)),
        leave_url=reverse("patient:visit", args=(token,)),
        since=visit.began_at,
        page_socket=socket_of(token),
        call_id=visit.room_id,
    )


def summary_page(visit: Visit, principal: Principal) -> PatientSummary:
    """``patient/summary.html``: what was found and what to do, in the doctor's signed words."""
    texts: dict[str, str] = {}
    found: list[str] = []
    if visit.state == "completed":
        composition = store.read("Composition", visit.composition_id, by=principal)
        texts = fhir.note_texts(composition.body)
        found = [item.text for item in signed_diagnoses(visit, by=principal)]
    order = payments.order_for(visit.purpose)
    sent = referred.lines(visit.public_id, principal)
    return PatientSummary(
        institution=_institution(visit),
        name=principal.name,
        doctor=_doctor(visit),
        at=visit.start,
        signed=visit.state == "completed",
        todos=[ToDo(line) for line in _lines(texts.get("plan", ""))],
        diagnoses=found,
        advice=texts.get("assessment", ""),
        warnings=_lines(texts.get("safety_net", "")),
        referral=sent[0] if sent else None,
        progress=_progress(visit),
        bill=Money(order.fee, order.fund, order.account, order.cash) if order else None,
        paid=str(state_badge(order).label) if order else "",
    )


def end_page(visit: Visit) -> PatientEnd:
    """``patient/end.html``: every end without a record has its own sentence."""
    order = payments.order_for(visit.purpose)
    back = order is not None and order.state.startswith("refund")
    last = visit.transitions.order_by("-id").first()
    reason = str(last.facts.get("reason", "")) if last else ""
    return PatientEnd(
        institution=_institution(visit),
        kind=ENDS[visit.state],
        doctor=_doctor(visit).name,
        reason=_(CLINIC_REASONS.get(reason) or UNSUITABLE_REASONS.get(reason) or "") or "",
        refund=order.cash if order and back else None,
        refund_done=bool(order and order.state == "refunded"),
    )


def expired_page() -> PatientEnd:
    """``patient/end.html`` for a link that is no good."""
    return PatientEnd(institution="", kind="expired")


def socket_of(token: str) -> str:
    """Where the patient's page listens."""
    return f"/ws/visit/{token}/"


def _institution(visit: Visit) -> str:
    return directory.institution(visit.institution).name


def _doctor(visit: Visit, state: Badge | None = None) -> Doctor:
    try:
        member: StaffMember = directory.member(visit.doctor, visit.institution)
    except Missing:  # left the institution since
        return Doctor(directory.names([visit.doctor]).get(visit.doctor, ""), "", state)
    return Doctor(member.name, member.title, state)


def _busy(visit: Visit) -> Badge | None:
    mine = Visit.objects.of_doctor(visit.doctor, visit.institution).exclude(pk=visit.pk)
    if mine.filter(state__in=("called", "in_progress")).exists():
        return Badge(_("Seeing somebody else"), "info", "video")
    return Badge(_("In the health centre"), "ok")


def _identity(visit: Visit, token: str, sent: bool, demo_code: str, error: str) -> IdentityStep:
    account = directory.patient_account(visit.patient.rpartition("/")[2])
    return IdentityStep(
        send_url=reverse("patient:send-code", args=(token,)),
        check_url=reverse("patient:check-code", args=(token,)),
        phone_tail=account.phone[-4:],
        sent=sent,
        demo_code=demo_code,
        error=error,
    )


def _consent(token: str) -> ConsentStep:
    return ConsentStep(
        url=reverse("patient:consent", args=(token,)),
        version=consents.VERSION,
        points=consents.points(),
        refuse_url=reverse("patient:act", args=(token, "cancel_by_patient")),
    )


def _device(token: str) -> DeviceStep:
    return DeviceStep(url=reverse("patient:device", args=(token,)))


def _pay(visit: Visit, token: str, error: str) -> PayStep:
    order = payments.order_for(visit.purpose)
    return PayStep(
        money=Money(order.fee, order.fund, order.account, order.cash)
        if order
        else Money(visit.fee, cash=visit.fee),
        start_url=reverse("patient:pay", args=(token,)),
        what=_("Video visit"),
        state=state_badge(order) if order else None,
        refresh_url=reverse("patient:paid", args=(token,)),
        error=error,
    )


def _notice(visit: Visit) -> Notice | None:
    if visit.state == "called":
        return Notice(_("The doctor calls you"), _("Come in now."), "ok")
    if visit.calls:
        said = _("Stay near your phone; the doctor calls again.")
        return Notice(_("You missed the call"), said, "warn")
    return None


def _progress(visit: Visit) -> list[Event]:
    if visit.state == "completed":
        return [Event(visit.signed_at, "", _("Signed by the doctor"), "ok")]
    return [Event(None, "", _("The doctor signs the record"), "info", todo=True)]


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
