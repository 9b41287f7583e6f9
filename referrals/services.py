"""What people do with referrals: one verb, one function."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import translation
from django.utils.translation import gettext as _

from accounts import queries as people
from kernel.clock import now
from kernel.errors import Invalid, Missing, Refused
from kernel.principal import SYSTEM, Principal
from kernel.transitions import apply, lock
from records import access, build, store
from referrals import fhir, packet
from referrals.document import document
from referrals.models import Delivery, Referral
from referrals.tasks import wake
from referrals.workflow import LIVE, PURPOSES, REFERRAL, URGENCIES


def send_referral(
    *,
    patient: str,
    visit: str,
    to: str,
    urgency: str,
    purpose: str,
    reason: str,
    summary: str = "",
    by: Principal,
) -> Referral:
    """Send a patient to the partner hospital ``to`` (its Organization id).

    ``patient`` is ``Patient/…``, ``visit`` the public id of the visit it comes from or empty;
    ``urgency`` and ``purpose`` are words of ``workflow``. Writes ServiceRequest, Task and the
    document Bundle in the same transaction; delivery follows by itself and is retried.

    Raises Invalid (naming the field), Missing for a patient that is not theirs, Forbidden for
    whoever is no doctor, Refused when a live referral with this purpose exists.
    """
    _check(to=to, urgency=urgency, purpose=purpose, reason=reason, by=by)
    with transaction.atomic():
        referral = _draft(
            patient=patient,
            visit=visit,
            requester=by.reference,
            from_institution=by.institution,
            to_institution=to,
            urgency=urgency,
            purpose=purpose,
        )
        referral = apply(referral, "submit", by=by, facts={"to": to, "purpose": purpose})
        _write(referral, reason=reason.strip(), summary=summary.strip(), by=by)
    return referral


def answer(referral: Referral, *, text: str, by: Principal) -> Referral:
    """Answer what the hospital asked; ``text`` becomes a note of the Task.

    Raises Invalid without text, Missing, Forbidden, Refused, and Conflict (as the other verbs)
    when the hospital wrote at the same moment.
    """
    if not text.strip():
        raise Invalid("text", _("Write the answer"))
    return _sender(referral, "answer", note=text.strip(), by=by)


def withdraw(referral: Referral, *, by: Principal) -> Referral:
    """Take the referral back before the hospital has taken note. Raises Missing, Refused."""
    return _sender(referral, "withdraw", by=by)


def ask_cancel(referral: Referral, *, by: Principal) -> Referral:
    """Ask the hospital to cancel; it confirms or reports an outcome. Raises Missing, Refused."""
    return _sender(referral, "ask_cancel", by=by)


def close(referral: Referral, *, by: Principal) -> Referral:
    """The sender has read the outcome. Raises Missing, Refused."""
    return _sender(referral, "close", by=by)


def resend(referral: Referral, *, by: Principal) -> int:
    """Try again at once what has not arrived; return how many messages. Raises Missing."""
    _own(referral, by)
    waiting = Delivery.objects.filter(referral=referral, delivered_at=None)
    count = waiting.update(permanent=False, due_at=now())
    transaction.on_commit(wake)
    return count


def close_record(referral: Referral) -> None:
    """The receiving hospital no longer reads the patient's record: it will not treat them."""
    access.revoke(to=f"Organization/{referral.to_institution}", why=_record_of(referral))


def follow_partner(
    referral: Referral, *, before: Mapping[str, Any], after: Mapping[str, Any], by: Principal
) -> Referral:
    """Bring our referral to the state that the partner's Task asks for.

    ``before`` and ``after`` are the Task around the partner's write, which is stored in the same
    transaction. The state it has already is a success. Raises Invalid naming what is not
    understood, or the states between which nothing leads.
    """
    referral = lock(referral)
    target = fhir.asked_state(before, after)
    changes = {"filler_id": fhir.filler(after)[:120] or referral.filler_id}
    if target == referral.state:
        if changes["filler_id"] != referral.filler_id:
            Referral.objects.filter(pk=referral.pk).update(**changes)
        return referral
    facts = {}
    if target == "declined":
        changes["decline_reason"] = facts["reason"] = fhir.decline_reason(after)
    name = _way(referral.state, target)
    return apply(referral, name, by=by, changes=changes, facts=facts)


def show_state(referral: Referral) -> None:
    """Bring ServiceRequest and Task in step with the state, writing only what differs.

    Writes as the service itself, so that no hook of a partner's write hears it.
    """
    _show_order(referral)
    task = store.read("Task", referral.task_id, by=SYSTEM)
    if not fhir.says(task.body, referral.state):
        body = fhir.with_state(task.body, referral.state)
        store.update("Task", task.id, body, by=SYSTEM)


def _check(*, to: str, urgency: str, purpose: str, reason: str, by: Principal) -> None:
    issues = []
    if urgency not in URGENCIES:
        issues.append(("urgency", _("Choose how urgent it is")))
    if purpose not in PURPOSES:
        issues.append(("purpose", _("Choose what the referral is for")))
    if not reason.strip():
        issues.append(("reason", _("Write why the patient is referred")))
    try:
        people.partner_for(to)
    except Missing:
        issues.append(("to", _("Choose a hospital that takes referrals")))
    if to == by.institution:
        issues.append(("to", _("Choose another institution than your own")))
    if issues:
        raise Invalid(*issues[0], *issues[1:])


def _draft(**columns: Any) -> Referral:
    live = Referral.objects.filter(
        patient=columns["patient"], purpose=columns["purpose"], state__in=LIVE
    )
    if live.exists():
        raise Refused(_("The patient has a live referral with this purpose; follow that one"))
    try:
        with transaction.atomic():
            return Referral.objects.create(**columns)
    except IntegrityError:  # another doctor was quicker between the look and the write
        raise Refused(
            _("The patient has a live referral with this purpose; follow that one")
        ) from None


def _write(referral: Referral, *, reason: str, summary: str, by: Principal) -> None:
    content = packet.gather(referral, reason=reason, summary=summary, by=by)
    with translation.override(settings.LANGUAGE_CODE):
        note = document(
            referral,
            content,
            at=build.moment(now()),
            base=f"{settings.PUBLIC_URL}/fhir",
            say=_,
        )
    order = fhir.service_request(referral, reason=reason, summary=summary)
    for body in (note, order, fhir.task(referral)):
        store.create(body["resourceType"], body, by=by, id=body["id"])
    _let_in(referral)


def _let_in(referral: Referral) -> None:
    """The receiving hospital reads what it was sent, and writes the Task."""
    to = f"Organization/{referral.to_institution}"
    why = f"referral {referral.public_id}"
    order = f"ServiceRequest/{referral.service_request_id}"
    record = [referral.patient, f"Bundle/{referral.document_id}"]
    access.grant(to=to, resources=record, why=_record_of(referral))
    access.grant(to=to, resources=[order], why=why)
    access.grant(to=to, resources=[f"Task/{referral.task_id}"], write=True, why=why)


def _record_of(referral: Referral) -> str:
    return f"record for referral {referral.public_id}"


def _show_order(referral: Referral) -> None:
    order = store.read("ServiceRequest", referral.service_request_id, by=SYSTEM)
    status = fhir.order_status(referral.state)
    if order.body["status"] != status:
        store.update("ServiceRequest", order.id, {**order.body, "status": status}, by=SYSTEM)


def _sender(referral: Referral, name: str, *, note: str = "", by: Principal) -> Referral:
    _own(referral, by)
    task = store.read("Task", referral.task_id, by=SYSTEM)
    body = fhir.with_state(task.body, REFERRAL.transitions[name].to)
    if note:
        body = fhir.with_note(body, text=note, author=by.reference, at=now())
    with transaction.atomic():
        # The Task first, then the referral: a partner's write locks them in this order, and the
        # other way round the two would wait for each other. What the table refuses is undone.
        store.update("Task", task.id, body, by=by, if_match=task.version)
        referral = apply(referral, name, by=by)
        _show_order(referral)
    return referral


def _own(referral: Referral, by: Principal) -> None:
    # Whoever is not of the sending institution learns nothing, not even that it exists.
    if by.institution != referral.from_institution:
        raise Missing("no such referral")


def _way(state: str, target: str) -> str:
    for transition in REFERRAL.allowed(state, {"partner"}):
        if transition.to == target:
            return transition.name
    raise Invalid("Task.businessStatus", f"a referral cannot go from {state} to {target}")
