"""Referral <-> ServiceRequest and Task.

The ServiceRequest is the order and belongs to the sender. The Task is the shared state: BSeR 1.0
harmonised with IHE 360X, told by ``businessStatus`` in our words and in theirs; partners that know
only ``status`` (Gravity SDOH) are understood too. Pure mapping; what is not understood raises
Invalid with the element and the code.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from kernel.errors import Invalid
from records import build
from referrals.models import Referral
from referrals.workflow import DECLINE_REASONS, PURPOSES, REFERRAL

Body = dict[str, Any]

STATES = "urn:tongzhen:codesystem:referral-status"
REASONS = "urn:tongzhen:codesystem:referral-decline-reason"
PURPOSE = "urn:tongzhen:codesystem:referral-purpose"
BSER = "http://hl7.org/fhir/us/bser/CodeSystem/TaskBusinessStatusCS"
V2_0203 = "http://terminology.hl7.org/CodeSystem/v2-0203"
TASK_CODE = "http://hl7.org/fhir/CodeSystem/task-code"
LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
URI = "urn:ietf:rfc:3986"

# In FHIR "asap" ranks above "urgent" (request-priority).
PRIORITY = {"emergency": "stat", "urgent": "asap", "soon": "urgent", "routine": "routine"}
URGENCY = {code: urgency for urgency, code in PRIORITY.items()}

# The first status is the one that we write, the others are peers' habits for the same state.
STATUSES: Mapping[str, tuple[str, ...]] = {
    "draft": ("draft",),
    "submitted": ("requested",),
    "received": ("received",),
    "info_needed": ("on-hold",),
    "accepted": ("accepted", "in-progress"),
    "scheduled": ("in-progress", "ready"),
    "no_show": ("in-progress",),
    "arrived": ("in-progress",),
    "in_care": ("in-progress",),
    "outcome_reported": ("completed",),
    "closed": ("completed",),
    "declined": ("rejected", "failed"),
    "cancel_requested": ("on-hold",),
    "cancelled": ("cancelled",),
}
# What a status means when the partner says no more than that (the Gravity graph).
BY_STATUS = {
    "draft": "draft",
    "requested": "submitted",
    "received": "received",
    "on-hold": "info_needed",
    "accepted": "accepted",
    "ready": "scheduled",
    "in-progress": "in_care",
    "completed": "outcome_reported",
    "rejected": "declined",
    "failed": "declined",
    "cancelled": "cancelled",
}
# BSeR codes: what they mean, and the states of ours that they do not contradict.
BY_BSER: Mapping[str, tuple[str, ...]] = {
    "2.0": ("submitted", "received"),
    "3.0": ("accepted",),
    "4.0": ("declined",),
    "5.1.1": ("scheduled",),
    "5.1.2": ("no_show",),
    "5.1.3": ("accepted",),
    "5.1.4": ("in_care",),
    "5.2": ("cancel_requested",),
    "6.0": ("cancelled",),
    "7.0": ("outcome_reported", "closed"),
}
BSER_OF = {
    "submitted": "2.0",
    "received": "2.0",
    "accepted": "3.0",
    "declined": "4.0",
    "scheduled": "5.1.1",
    "no_show": "5.1.2",
    "cancel_requested": "5.2",
    "cancelled": "6.0",
    "outcome_reported": "7.0",
    "closed": "7.0",
}


def placer(referral: Referral) -> Body:
    """The identifier that we gave the referral: the same for ever, in every message about it."""
    kind = {"coding": [build.coding(V2_0203, "PLAC")]}
    return build.identifier(URI, f"urn:uuid:{referral.public_id}", type=kind)


def service_request(referral: Referral, *, reason: str, summary: str = "") -> Body:
    """The order as it is written once; later only ``status`` changes."""
    body: Body = {
        "resourceType": "ServiceRequest",
        "id": referral.service_request_id,
        "identifier": [placer(referral)],
        "status": order_status(referral.state),
        "intent": "order",
        "category": [
            {"coding": [build.coding(SNOMED, "3457005", "Patient referral")]},
        ],
        "code": {"coding": [build.coding(PURPOSE, referral.purpose, PURPOSES[referral.purpose])]},
        "priority": PRIORITY[referral.urgency],
        "subject": _pointer(referral.patient),
        "authoredOn": build.moment(referral.created_at),
        "requester": _pointer(referral.requester),
        "performer": [build.reference("Organization", referral.to_institution)],
        "reasonCode": [{"text": reason}],
        "supportingInfo": [build.reference("Bundle", referral.document_id)],
    }
    return {**body, "note": [{"text": summary}]} if summary else body


def task(referral: Referral) -> Body:
    """The shared state as first written; later changed by ``with_state`` and by partners."""
    body: Body = {
        "resourceType": "Task",
        "id": referral.task_id,
        "identifier": [placer(referral)],
        "intent": "order",
        "priority": PRIORITY[referral.urgency],
        "code": {"coding": [build.coding(TASK_CODE, "fulfill", "Fulfill the focal request")]},
        "focus": build.reference("ServiceRequest", referral.service_request_id),
        "for": _pointer(referral.patient),
        "authoredOn": build.moment(referral.created_at),
        "requester": _pointer(referral.requester),
        "owner": build.reference("Organization", referral.to_institution),
        "input": [
            {
                "type": {"coding": [build.coding(LOINC, "57133-1", "Referral note")]},
                "valueReference": build.reference("Bundle", referral.document_id),
            }
        ],
    }
    return with_state(body, referral.state)


def urgency(request: Mapping[str, Any]) -> str:
    """Our word for ``ServiceRequest.priority``. Raises Invalid naming an unknown code."""
    code = request.get("priority", "routine")
    if code not in URGENCY:
        raise Invalid("ServiceRequest.priority", f"unknown code {code!r}")
    return URGENCY[code]


def purpose(request: Mapping[str, Any]) -> str:
    """Our word for ``ServiceRequest.code``. Raises Invalid naming an unknown code, or none."""
    for coding in request.get("code", {}).get("coding", []):
        if coding.get("system") == PURPOSE:
            if coding.get("code") not in PURPOSES:
                raise Invalid("ServiceRequest.code", f"unknown code {coding.get('code')!r}")
            return str(coding["code"])
    raise Invalid("ServiceRequest.code", f"needs a code of {PURPOSE}")


def order_status(state: str) -> str:
    """``ServiceRequest.status`` of a referral in ``state``."""
    if state == "draft":
        return "draft"
    if state in ("declined", "cancelled"):
        return "revoked"
    return "completed" if state in ("outcome_reported", "closed") else "active"


def with_state(body: Mapping[str, Any], state: str) -> Body:
    """The Task with ``status`` and ``businessStatus`` of ``state``, all else as it was."""
    codings = [build.coding(STATES, _code(state), REFERRAL.states[state].label)]
    if state in BSER_OF:
        codings.append(build.coding(BSER, BSER_OF[state]))
    return {**body, "status": STATUSES[state][0], "businessStatus": {"coding": codings}}


def says(body: Mapping[str, Any], state: str) -> bool:
    """True when the Task tells everybody, by status and businessStatus, that it is in ``state``."""
    return body.get("status") in STATUSES[state] and state_of(body) == state


def state_of(body: Mapping[str, Any]) -> str:
    """The state that a Task tells: by ``businessStatus`` where present, else by ``status``.

    Raises Invalid naming the element and the code when it is unknown or contradicts itself.
    """
    status = body.get("status")
    if status not in BY_STATUS:
        raise Invalid("Task.status", f"unknown code {status!r}")
    told = [_fitting(coding, status) for coding in _known(body)]
    if not told:
        if body.get("businessStatus"):
            raise Invalid("Task.businessStatus", f"needs a code of {STATES} or {BSER}")
        return BY_STATUS[status]
    # Our own word is the finer one; a BSeR code beside it must not say something else.
    state = min(told, key=len)[0]
    if any(state not in states for states in told):
        codes = ", ".join(coding["code"] for coding in _known(body))
        raise Invalid("Task.businessStatus", f"codes contradict each other: {codes}")
    return state


def asked_state(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """The state that a partner's update asks for.

    A peer that knows only ``status`` sends our ``businessStatus`` back as it was: then what it
    changed is what it means.
    """
    untouched = before.get("businessStatus") == after.get("businessStatus")
    if untouched and before.get("status") != after.get("status"):
        return state_of({"status": after.get("status")})
    return state_of(after)


def decline_reason(body: Mapping[str, Any]) -> str:
    """Our word for ``Task.statusReason``; a foreign code or plain text is "other".

    Raises Invalid for an unknown code of ours, and for "other" without words.
    """
    reason = body.get("statusReason", {})
    codings = reason.get("coding", [])
    for coding in codings:
        if coding.get("system") == REASONS:
            if coding.get("code") not in DECLINE_REASONS:
                raise Invalid("Task.statusReason", f"unknown code {coding.get('code')!r}")
            if coding["code"] == "other" and not reason.get("text"):
                raise Invalid("Task.statusReason.text", "another reason must be told in words")
            return str(coding["code"])
    if reason.get("text") or any(coding.get("display") for coding in codings):
        return "other"
    raise Invalid("Task.statusReason", "a declined referral needs a reason")


def filler(body: Mapping[str, Any]) -> str:
    """The number that the receiving hospital gave the referral, or nothing."""
    for identifier in body.get("identifier", []):
        if is_filler(identifier):
            return str(identifier.get("value", ""))
    return ""


def is_filler(identifier: Mapping[str, Any]) -> bool:
    """True for an identifier of the receiving hospital (type FILL)."""
    codings = identifier.get("type", {}).get("coding", [])
    return any(c.get("system") == V2_0203 and c.get("code") == "FILL" for c in codings)


def with_note(body: Mapping[str, Any], *, text: str, author: str, at: datetime) -> Body:
    """The Task with one more note of ``author`` (a reference)."""
    note = build.annotation(text, author=author, at=at)
    return {**body, "note": [*body.get("note", []), note]}


def _known(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    codings = body.get("businessStatus", {}).get("coding", [])
    return [coding for coding in codings if coding.get("system") in (STATES, BSER)]


def _fitting(coding: Mapping[str, Any], status: str) -> tuple[str, ...]:
    code = coding.get("code", "")
    if coding["system"] == STATES:
        state = code.replace("-", "_")
        if code == _code(state) and state in REFERRAL.states:
            return (state,)
    elif code in BY_BSER:
        # BSeR's initiator starts with "received" and 2.0 where others write "requested".
        return ("received", "submitted") if (code, status) == ("2.0", "received") else BY_BSER[code]
    raise Invalid("Task.businessStatus", f"unknown code {code!r}")


def _code(state: str) -> str:
    return state.replace("_", "-")


def _pointer(reference: str) -> Body:
    kind, _, logical_id = reference.partition("/")
    return build.reference(kind, logical_id)
