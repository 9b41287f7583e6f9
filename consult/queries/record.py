"""A patient's record beside the call: what the FHIR store holds, in the words of the page."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from consult.models import Visit
from consult.pages import Badge, Medicine, Paper, Problem, RecordPanel, Vital
from consult.plots import DIASTOLIC_HIGH, SYSTOLIC_HIGH, Reading
from kernel.principal import Principal
from kernel.workflow import mark
from records import search

Body = Mapping[str, Any]

PANEL = "85354-9"
SYSTOLIC, DIASTOLIC = "8480-6", "8462-4"
MANY = (("_sort", "-date"), ("_count", "100"))
FRESH_DAYS = 3
"""How old a reading may be that lists still warn of."""
PRESSURES = 14
VALUES = 8
# LOINC code: label, unit as people say it, normal range.
VITALS: Mapping[str, tuple[str, str, tuple[float, float] | None]] = {
    "8867-4": (mark("Heart rate"), "/min", (60, 100)),
    "1558-6": (mark("Fasting glucose"), "mmol/L", (3.9, 7.0)),
    "29463-7": (mark("Weight"), "kg", None),
    "59408-5": (mark("Oxygen saturation"), "%", (94, 100)),
}


def record_panel(visit: Visit, *, by: Principal) -> RecordPanel:
    """``console/_record.html``: five searches, however long the record is."""
    patient = visit.patient.rpartition("/")[2]
    codes = ",".join((PANEL, *VITALS))
    observations = _found(
        "Observation", patient, by, ("code", codes), ("_sort", "-date"), ("_count", "80")
    )
    return RecordPanel(
        reason=visit.reason,
        pressure=_pressures(observations),
        vitals=_vitals(observations),
        problems=[_problem(body) for body in _found("Condition", patient, by, ("_count", "30"))],
        medicines=[
            _medicine(body)
            for body in _found("MedicationRequest", patient, by, ("status", "active"))
        ],
        allergies=allergies(visit.patient, by=by),
        papers=[
            _paper(body)
            for body in _found(
                "DocumentReference", patient, by, ("_sort", "-date"), ("_count", "20")
            )
        ],
    )


def warnings(patients: Iterable[str], *, by: Principal) -> dict[str, list[Badge]]:
    """What lists must say of a patient: allergies, then a dangerous last pressure; two searches."""
    ids = ",".join(sorted({patient.rpartition("/")[2] for patient in patients}))
    found: dict[str, list[Badge]] = {}
    if not ids:
        return found
    for body in _found("AllergyIntolerance", ids, by, ("_count", "100")):
        if not _none_known(body):
            said = _("%(what)s allergy") % {"what": _text(body.get("code", {}))}
            found.setdefault(body["patient"]["reference"], []).append(Badge(said, "crit"))
    newest: dict[str, Body] = {}
    since = (timezone.now() - timedelta(days=FRESH_DAYS)).date().isoformat()
    for body in _found("Observation", ids, by, ("code", PANEL), ("date", f"ge{since}"), *MANY):
        newest.setdefault(body["subject"]["reference"], body)
    for patient, body in newest.items():
        for reading in _pressures([body]):
            if reading.systolic >= SYSTOLIC_HIGH or reading.diastolic >= DIASTOLIC_HIGH:
                said = _("Home pressure %(s)d/%(d)d") % {
                    "s": reading.systolic,
                    "d": reading.diastolic,
                }
                found.setdefault(patient, []).append(Badge(said, "warn"))
    return found


def allergies(patient: str, *, by: Principal) -> list[str] | None:
    """What the patient must not get; empty when asked and none, None when nobody has asked."""
    bodies = _found("AllergyIntolerance", patient.rpartition("/")[2], by, ("_count", "20"))
    if not bodies:
        return None
    return [_allergy(body) for body in bodies if not _none_known(body)]


def _found(kind: str, patient: str, by: Principal, *params: tuple[str, str]) -> list[Body]:
    page = search.search(kind, [("patient", patient), *params], by=by)
    return [stored.body for stored in page.matches]


def _pressures(observations: Iterable[Body]) -> list[Reading]:
    found = []
    for body in observations:
        parts = {
            _code(part): part["valueQuantity"]["value"]
            for part in body.get("component", [])
            if "valueQuantity" in part
        }
        on = _day(body.get("effectiveDateTime", ""))
        if on and SYSTOLIC in parts and DIASTOLIC in parts:
            found.append(Reading(on, int(parts[SYSTOLIC]), int(parts[DIASTOLIC])))
    return found[:PRESSURES][::-1]


def _vitals(observations: Iterable[Body]) -> list[Vital]:
    by_code: dict[str, list[Body]] = {}
    for body in observations:
        if "valueQuantity" in body:
            by_code.setdefault(_code(body), []).append(body)
    return [_vital(code, by_code[code]) for code in VITALS if code in by_code]


def _vital(code: str, newest_first: list[Body]) -> Vital:
    label, unit, normal = VITALS[code]
    values = [float(body["valueQuantity"]["value"]) for body in newest_first[:VALUES]]
    outside = normal is not None and not normal[0] <= values[0] <= normal[1]
    return Vital(
        label=_(label),
        value=f"{newest_first[0]['valueQuantity']['value']}",
        unit=unit,
        at=_moment(newest_first[0].get("effectiveDateTime", "")),
        tone="warn" if outside else "ok",
        values=values[::-1],
        normal=normal,
    )


def _problem(body: Body) -> Problem:
    return Problem(text=_text(body.get("code", {})), since=str(body.get("onsetDateTime", ""))[:4])


def _medicine(body: Body) -> Medicine:
    doses = [str(dose["text"]) for dose in body.get("dosageInstruction", []) if "text" in dose]
    return Medicine(name=_text(body.get("medicationCodeableConcept", {})), dose="；".join(doses))


def _paper(body: Body) -> Paper:
    content = body["content"][0]["attachment"]
    title = body.get("description") or content.get("title") or _text(body.get("type", {}))
    return Paper(title=str(title), url="", at=_moment(body.get("date", "")))


def _allergy(body: Body) -> str:
    signs = [
        _text(sign)
        for reaction in body.get("reaction", [])
        for sign in reaction.get("manifestation", [])
    ]
    what = _text(body.get("code", {}))
    return f"{what}：{'、'.join(signs)}" if signs else what


def _none_known(body: Body) -> bool:
    # SNOMED CT: no known allergy (situation), and its children that Chinese systems send.
    codes = {str(coding.get("code")) for coding in body.get("code", {}).get("coding", [])}
    return not codes.isdisjoint({"716186003", "409137002"})


def _text(concept: Body) -> str:
    displays = [str(c["display"]) for c in concept.get("coding", []) if "display" in c]
    return str(concept.get("text") or next(iter(displays), ""))


def _code(body: Body) -> str:
    codings = body.get("code", {}).get("coding", [])
    return str(codings[0].get("code", "")) if codings else ""


def _day(text: str) -> date | None:
    moment = _moment(text)
    return timezone.localtime(moment).date() if moment else None


def _moment(text: str) -> datetime | None:
    return parse_datetime(text) if "T" in text else None
