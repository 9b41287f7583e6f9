"""``python -m tests.browser.seed``: the cast in the service's own database; prints what tests need.

Reads one JSON object from standard input: ``{"partner": {...} or null}``.
"""

import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from datetime import timedelta  # noqa: E402

from consult.models import Visit  # noqa: E402
from kernel.clock import now  # noqa: E402
from kernel.principal import SYSTEM  # noqa: E402
from records import store  # noqa: E402
from tests.accounts import make  # noqa: E402
from tests.consult.cast import gather  # noqa: E402


def readings(patient: str) -> None:
    """Two weeks of blood pressure, a problem, a medicine, an allergy."""
    subject = {"reference": patient}
    for day in range(14):
        at = now() - timedelta(days=13 - day)
        store.create(
            "Observation",
            pressure(subject, at.isoformat(), 142 + day, 88 + day // 2),
            by=SYSTEM,
            institution="yunling",
        )
    for body in (
        {
            "resourceType": "Condition",
            "clinicalStatus": {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/condition-clinical",
                        "code": "active",
                    }
                ]
            },
            "code": {"text": "高血压2级"},
            "subject": subject,
            "onsetDateTime": "2014-05-01",
        },
        {
            "resourceType": "MedicationRequest",
            "status": "active",
            "intent": "order",
            "medicationCodeableConcept": {"text": "氨氯地平片"},
            "subject": subject,
            "dosageInstruction": [{"text": "5 mg 早 1 次"}],
        },
        {
            "resourceType": "AllergyIntolerance",
            "patient": subject,
            "code": {"text": "青霉素"},
            "clinicalStatus": {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical",
                        "code": "active",
                    }
                ]
            },
            "reaction": [{"manifestation": [{"text": "皮疹"}]}],
        },
    ):
        store.create(str(body["resourceType"]), body, by=SYSTEM, institution="yunling")


def pressure(subject: dict[str, str], at: str, high: int, low: int) -> dict[str, object]:
    """One blood pressure."""

    def part(code: str, value: int) -> dict[str, object]:
        return {
            "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
            "valueQuantity": {"value": value, "unit": "mmHg"},
        }

    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}]},
        "subject": subject,
        "effectiveDateTime": at,
        "component": [part("8480-6", high), part("8462-4", low)],
    }


def past_visits(cast: object, count: int) -> None:
    """Visits of last week, from which the wait is estimated."""
    for number in range(count):
        begun = now() - timedelta(days=7, minutes=20 * number)
        Visit.objects.create(
            patient="Patient/past",
            doctor=cast.lin.reference,  # type: ignore[attr-defined]
            institution="yunling",
            start=begun,
            end=begun + timedelta(minutes=15),
            reason="复诊",
            fee=0,
            state="completed",
            began_at=begun,
            ended_at=begun + timedelta(minutes=8 + number),
        )


def main() -> None:
    """Write everything, tell the links and sessions."""
    wanted = json.loads(sys.stdin.read() or "{}")
    cast = gather()
    readings(cast.zhao.reference)
    past_visits(cast, 7)
    if wanted.get("partner"):
        make.partner("northern", name="北部医疗中心", **wanted["partner"])
    ahead = cast.waiting(cast.qian)
    visit = cast.visit(pay_later=False, reason="头晕 3 天，高血压复诊")
    told = {
        "link": visit.link,
        "visit": visit.public_id,
        "ahead": ahead.public_id,
        "doctor": make.signed_in(cast.lin).session.session_key,
        "zhao": cast.zhao.reference,
    }
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
