"""Referrals and their cast, made short."""

from typing import Any

from accounts.models import Institution, InstitutionKind, Partner, PatientAccount
from accounts.principals import system_of
from kernel.principal import SYSTEM, Principal
from records import store
from referrals.models import Referral

CENTRE, HOSPITAL, STRANGERS = "chc-jiangning", "org-hospital", "org-other"
PATIENT, DOCTOR = "Patient/zhao", "Practitioner/lin"
DR_LIN = Principal(DOCTOR, institution=CENTRE, roles=frozenset({"doctor"}), name="林医生")
DR_QIAN = Principal("Practitioner/qian", institution=STRANGERS, roles=frozenset({"doctor"}))
CASHIER = Principal("Practitioner/wu", institution=CENTRE, roles=frozenset({"cashier"}))
MRS_ZHAO = Principal(PATIENT, roles=frozenset({"patient"}))
HOSPITAL_SYSTEM = system_of(HOSPITAL, ["system/*.cruds"])
OTHER_SYSTEM = system_of(STRANGERS, ["system/*.cruds"])

COLUMNS = {
    "patient": PATIENT,
    "requester": DOCTOR,
    "from_institution": CENTRE,
    "to_institution": HOSPITAL,
    "urgency": "urgent",
    "purpose": "admission",
}
WORDS = {
    "patient": PATIENT,
    "visit": "visit-1",
    "to": HOSPITAL,
    "urgency": "urgent",
    "purpose": "admission",
    "reason": "血压控制不满意",
    "summary": "高血压十年。\n近一周 <180/100> & 头晕。",
}


def unsaved(**columns: Any) -> Referral:
    """A referral that is nowhere yet."""
    return Referral(**{**COLUMNS, **columns})


def referral(**columns: Any) -> Referral:
    """A bare referral without FHIR resources."""
    return Referral.objects.create(**{**COLUMNS, **columns})


def world(fhir_base: str = "") -> None:
    """A health centre with a doctor and a patient's record, and a partner hospital."""
    centre = Institution.objects.create(
        public_id=CENTRE, kind=InstitutionKind.CHC, name="江宁路社区卫生服务中心", code="A" * 18
    )
    Partner.objects.create(
        organization_id=HOSPITAL, name="市北医院", client_id="hospital", fhir_base=fhir_base
    )
    PatientAccount.objects.create(
        fhir_id="zhao", name="赵秀英", phone="13800000000", institution=centre
    )
    record()


def record() -> None:
    """The FHIR side of the cast and a small record of the patient."""
    for kind, body in PEOPLE:
        store.create(kind, body, by=SYSTEM, id=body["id"])
    for kind, body in RECORD:
        store.create(kind, body, by=DR_LIN, id=body["id"])


SUBJECT = {"subject": {"reference": PATIENT}}
PEOPLE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Organization", {"id": CENTRE, "name": "江宁路社区卫生服务中心"}),
    ("Organization", {"id": HOSPITAL, "name": "市北医院"}),
    ("Practitioner", {"id": "lin", "name": [{"text": "林医生"}]}),
    ("Practitioner", {"id": "qian", "name": [{"text": "钱医生"}]}),
)
RECORD: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Patient", {"id": "zhao", "name": [{"text": "赵秀英"}], "birthDate": "1952-03-18"}),
    (
        "Condition",
        {
            "id": "bp",
            "code": {"text": "原发性高血压"},
            "clinicalStatus": {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/condition-clinical",
                        "code": "active",
                    }
                ]
            },
            **SUBJECT,
        },
    ),
    (
        "MedicationRequest",
        {
            "id": "amlo",
            "status": "active",
            "intent": "order",
            "medicationCodeableConcept": {"text": "苯磺酸氨氯地平片"},
            **SUBJECT,
        },
    ),
    (
        "AllergyIntolerance",
        {
            "id": "penicillin",
            "code": {"text": "青霉素"},
            "clinicalStatus": {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical",
                        "code": "active",
                    }
                ]
            },
            "patient": {"reference": PATIENT},
        },
    ),
    (
        "Observation",
        {
            "id": "weight",
            "status": "final",
            "code": {"text": "体重"},
            "effectiveDateTime": "2026-11-20",
            "valueQuantity": {"value": 72.5, "unit": "kg"},
            **SUBJECT,
        },
    ),
)
