"""What a visit looks like as FHIR R4. Pure; an unknown state is an error, never a default."""

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from html import escape, unescape
from itertools import pairwise
from typing import Any

from consult.diagnoses import SYSTEM as ICD10
from records import build

Body = dict[str, Any]

ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
LOINC = "http://loinc.org"
CATEGORY = "http://terminology.hl7.org/CodeSystem/condition-category"
CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
CONSENT_SCOPE = "http://terminology.hl7.org/CodeSystem/consentscope"
CONSENT_POLICY = "http://terminology.hl7.org/CodeSystem/consentpolicycodes"

APPOINTMENT = {
    "booked": "booked",
    "waiting": "checked-in",
    "called": "checked-in",
    "in_progress": "arrived",
    "wrap_up": "fulfilled",
    "completed": "fulfilled",
    "cancelled_by_patient": "cancelled",
    "cancelled_by_clinic": "cancelled",
    "no_show_patient": "noshow",
    "no_show_clinician": "cancelled",
    "unsuitable_online": "cancelled",
}
ENCOUNTER = {
    "booked": "planned",
    "waiting": "arrived",
    "called": "arrived",
    "in_progress": "in-progress",
    "wrap_up": "in-progress",
    "completed": "finished",
    "cancelled_by_patient": "cancelled",
    "cancelled_by_clinic": "cancelled",
    "no_show_patient": "cancelled",
    "no_show_clinician": "cancelled",
    "unsuitable_online": "cancelled",
}
SECTIONS = {
    # LOINC's section codes, as clinical documents use them.
    "subjective": ("61150-9", "Subjective"),
    "objective": ("61149-1", "Objective"),
    "assessment": ("51848-0", "Evaluation note"),
    "plan": ("18776-5", "Plan of care note"),
    "safety_net": ("69730-0", "Instructions"),
}


@dataclass(frozen=True, slots=True)
class VisitFacts:
    """What the mapping needs to know of a visit; times are aware, references are FHIR's."""

    state: str
    patient: str
    doctor: str
    institution: str
    start: datetime
    end: datetime
    reason: str
    appointment_id: str
    began_at: datetime | None = None
    ended_at: datetime | None = None
    history: tuple[tuple[str, datetime], ...] = ()
    """(state, since), oldest first."""


def appointment(facts: VisitFacts) -> Body:
    """The booking."""
    accepted = {"required": "required", "status": "accepted"}
    return {
        "resourceType": "Appointment",
        "status": APPOINTMENT[facts.state],
        "reasonCode": [{"text": facts.reason}],
        "start": _at(facts.start),
        "end": _at(facts.end),
        "participant": [
            {"actor": {"reference": facts.patient}, **accepted},
            {"actor": {"reference": facts.doctor}, **accepted},
        ],
    }


def encounter(facts: VisitFacts, *, diagnoses: Iterable[str] = ()) -> Body:
    """The encounter of class VR with its history; ``diagnoses`` are references of Conditions."""
    body: Body = {
        "resourceType": "Encounter",
        "status": ENCOUNTER[facts.state],
        "statusHistory": status_history(facts.history),
        "class": build.coding(ACT, "VR", "virtual"),
        "subject": {"reference": facts.patient},
        "participant": [_participant(facts)],
        "appointment": [{"reference": f"Appointment/{facts.appointment_id}"}],
        "period": _period(_arrived(facts), _left(facts)),
        "reasonCode": [{"text": facts.reason}],
        "diagnosis": [
            {"condition": {"reference": reference}, "rank": rank}
            for rank, reference in enumerate(diagnoses, 1)
        ],
        "serviceProvider": {"reference": f"Organization/{facts.institution}"},
    }
    return {key: value for key, value in body.items() if value not in ([], {})}


def status_history(history: Iterable[tuple[str, datetime]]) -> list[Body]:
    """The statuses that are over, each with its period; neighbours of one status are one."""
    steps: list[tuple[str, datetime]] = []
    for state, since in history:
        status = ENCOUNTER[state]
        if not steps or steps[-1][0] != status:
            steps.append((status, since))
    return [
        {"status": status, "period": _period(since, until)}
        for (status, since), (_, until) in pairwise(steps)
    ]


def condition(facts: VisitFacts, *, encounter_id: str, code: str, name: str, at: datetime) -> Body:
    """One diagnosis of the encounter."""
    return {
        "resourceType": "Condition",
        "clinicalStatus": {"coding": [build.coding(CLINICAL, "active", "Active")]},
        "verificationStatus": {"coding": [build.coding(VERIFICATION, "confirmed", "Confirmed")]},
        "category": [
            {"coding": [build.coding(CATEGORY, "encounter-diagnosis", "Encounter Diagnosis")]}
        ],
        "code": {"coding": [build.coding(ICD10, code, name)], "text": name},
        "subject": {"reference": facts.patient},
        "encounter": {"reference": f"Encounter/{encounter_id}"},
        "recordedDate": _at(at),
        "recorder": {"reference": facts.doctor},
        "asserter": {"reference": facts.doctor},
    }


def note(
    facts: VisitFacts, *, encounter_id: str, texts: Mapping[str, str], title: str, at: datetime
) -> Body:
    """The signed record of the visit: one section for each text that is not empty."""
    return {
        "resourceType": "Composition",
        "status": "final",
        "type": {"coding": [build.coding(LOINC, "11506-3", "Progress note")]},
        "subject": {"reference": facts.patient},
        "encounter": {"reference": f"Encounter/{encounter_id}"},
        "date": _at(at),
        "author": [{"reference": facts.doctor}],
        "title": title,
        "attester": [{"mode": "legal", "time": _at(at), "party": {"reference": facts.doctor}}],
        "custodian": {"reference": f"Organization/{facts.institution}"},
        "section": [_section(part, text) for part, text in texts.items() if text.strip()],
    }


def note_texts(composition: Mapping[str, Any]) -> dict[str, str]:
    """The texts of a signed record by the names of the draft's parts."""
    parts = {code: part for part, (code, _) in SECTIONS.items()}
    found: dict[str, str] = {}
    for section in composition.get("section", []):
        code = section["code"]["coding"][0]["code"]
        if code in parts:
            found[parts[code]] = _plain(section["text"]["div"])
    return found


def consent(facts: VisitFacts, *, by: str, at: datetime, text: str, version: str) -> Body:
    """The patient's consent to be seen by video, with the words that were shown."""
    return {
        "resourceType": "Consent",
        "status": "active",
        "scope": {"coding": [build.coding(CONSENT_SCOPE, "treatment", "Treatment")]},
        "category": [{"coding": [build.coding(LOINC, "59284-0", "Patient Consent")]}],
        "patient": {"reference": facts.patient},
        "dateTime": _at(at),
        "performer": [{"reference": by}],
        "organization": [{"reference": f"Organization/{facts.institution}"}],
        "sourceAttachment": {
            "contentType": "text/plain",
            "data": _base64(text),
            "title": f"video-visit {version}",
        },
        "policyRule": {"coding": [build.coding(CONSENT_POLICY, "cric", "Informed Consent")]},
        "provision": {
            # Open: a patient who is late agrees after the planned end. The visit bounds it.
            "period": _period(at, None),
            "data": [
                {
                    "meaning": "related",
                    "reference": {"reference": f"Appointment/{facts.appointment_id}"},
                }
            ],
        },
    }


def invoice(facts: VisitFacts, *, order: str, title: str, fee: int, at: datetime) -> Body:
    """What the patient owes for the visit; ``fee`` in fen, ``order`` the order's public id."""
    total = {"value": _yuan(fee), "currency": "CNY"}
    return {
        "resourceType": "Invoice",
        "identifier": [build.identifier("urn:tongzhen:order", order)],
        "status": "issued",
        "subject": {"reference": facts.patient},
        "date": _at(at),
        "issuer": {"reference": f"Organization/{facts.institution}"},
        "lineItem": [
            {
                "sequence": 1,
                "chargeItemCodeableConcept": {"text": title},
                "priceComponent": [{"type": "base", "amount": total}],
            }
        ],
        "totalNet": total,
        "totalGross": total,
    }


def payment_notice(
    *, invoice_id: str, order: str, fee: int, institution: str, at: datetime
) -> Body:
    """That the order was paid."""
    return {
        "resourceType": "PaymentNotice",
        "identifier": [build.identifier("urn:tongzhen:order", order)],
        "status": "active",
        "request": {"reference": f"Invoice/{invoice_id}"},
        "created": _at(at),
        "payment": {"display": order},
        "recipient": {"reference": f"Organization/{institution}"},
        "amount": {"value": _yuan(fee), "currency": "CNY"},
        "paymentStatus": {
            "coding": [
                build.coding("http://terminology.hl7.org/CodeSystem/paymentstatus", "paid", "Paid")
            ]
        },
    }


def _participant(facts: VisitFacts) -> Body:
    found: Body = {
        "type": [{"coding": [build.coding(PARTICIPATION, "PPRF", "primary performer")]}],
        "individual": {"reference": facts.doctor},
    }
    if facts.began_at:
        found["period"] = _period(facts.began_at, facts.ended_at)
    return found


def _arrived(facts: VisitFacts) -> datetime | None:
    return next((since for state, since in facts.history if state != "booked"), None)


def _left(facts: VisitFacts) -> datetime | None:
    if ENCOUNTER[facts.state] not in ("finished", "cancelled"):
        return None
    return facts.ended_at or (facts.history[-1][1] if facts.history else None)


def _section(part: str, text: str) -> Body:
    code, title = SECTIONS[part]
    lines = "<br/>".join(escape(line, quote=False) for line in text.strip().splitlines())
    return {
        "title": title,
        "code": {"coding": [build.coding(LOINC, code, title)]},
        "text": {
            "status": "additional",
            "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{lines}</div>',
        },
    }


def _plain(div: str) -> str:
    return unescape(re.sub(r"<[^>]+>", "", re.sub(r"<br\s*/?>", "\n", div)))


def _period(start: datetime | None, end: datetime | None) -> Body:
    found = {"start": start and _at(start), "end": end and _at(end)}
    return {key: value for key, value in found.items() if value}


def _at(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()


def _yuan(fen: int) -> float:
    return fen / 100
