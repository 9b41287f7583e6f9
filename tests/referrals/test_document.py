"""The referral note and the message that carries it: pure mapping."""

from typing import Any

from referrals.document import Packet, document
from referrals.exchange.message import known_as, transaction
from referrals.fhir import URI, service_request, task
from referrals.models import Referral
from tests.referrals import make

BASE = "https://home.example/fhir"
PEOPLE: list[dict[str, Any]] = [
    {"resourceType": "Patient", "id": "zhao", "identifier": [{"value": "310106"}]},
    {"resourceType": "Practitioner", "id": "lin"},
    {"resourceType": "Organization", "id": make.CENTRE},
]
FACTS = [{"resourceType": kind, **body} for kind, body in make.RECORD[1:]]


def note(**more: Any) -> tuple[Referral, dict[str, Any]]:
    packet = Packet(**{"reason": "头晕 <b>", "summary": "一\n二", "people": PEOPLE, **more})
    referral = make.unsaved()
    return referral, document(referral, packet, at="2026-11-23T08:00:00Z", base=BASE, say=str)


def test_the_composition_comes_first_and_everything_it_names_is_inside():
    _, bundle = note(facts=FACTS)
    composition = bundle["entry"][0]["resource"]
    assert (bundle["type"], composition["resourceType"]) == ("document", "Composition")
    inside = {entry["fullUrl"].removeprefix(f"{BASE}/") for entry in bundle["entry"]}
    named = [entry for section in composition["section"] for entry in section.get("entry", [])]
    named += [composition["subject"], *composition["author"], composition["custodian"]]
    assert {each["reference"] for each in named} <= inside
    assert len(inside) == len(bundle["entry"])


def test_sections_say_why_what_and_what_lies_behind():
    _, bundle = note(facts=FACTS)
    sections = {s["title"]: s for s in bundle["entry"][0]["resource"]["section"]}
    assert list(sections) == [
        "Reason for referral",
        "Summary of the illness",
        "Diagnoses on record",
        "Medicines in use",
        "Allergies on record",
        "Findings on record",
    ]
    assert "头晕 &lt;b&gt;" in sections["Reason for referral"]["text"]["div"]
    assert "<p>一</p><p>二</p>" in sections["Summary of the illness"]["text"]["div"]
    assert "体重 72.5 kg 2026-11-20" in sections["Findings on record"]["text"]["div"]


def test_an_empty_section_says_that_nothing_is_on_record():
    _, bundle = note()
    allergies = bundle["entry"][0]["resource"]["section"][4]
    assert allergies["emptyReason"]["coding"][0]["code"] == "unavailable"
    assert "entry" not in allergies


def message(renew: str = "") -> tuple[list[dict[str, Any]], dict[str, Any]]:
    referral, bundle = note(facts=FACTS)
    resources = [*PEOPLE, bundle, service_request(referral, reason="头晕"), task(referral)]
    return resources, transaction(resources, base=BASE, renew=renew)


def test_references_inside_the_message_point_inside_all_others_home():
    _, sent = message()
    entries = {entry["resource"]["resourceType"]: entry for entry in sent["entry"]}
    order, shared = entries["ServiceRequest"]["resource"], entries["Task"]["resource"]
    assert order["subject"]["reference"] == entries["Patient"]["fullUrl"]
    assert shared["focus"]["reference"] == entries["ServiceRequest"]["fullUrl"]
    assert shared["input"][0]["valueReference"]["reference"] == entries["Bundle"]["fullUrl"]
    assert shared["owner"]["reference"] == f"{BASE}/Organization/{make.HOSPITAL}"


def test_the_document_travels_as_it_was_written():
    resources, sent = message()
    document_ = next(
        e["resource"] for e in sent["entry"] if e["resource"]["resourceType"] == "Bundle"
    )
    original = next(each for each in resources if each["resourceType"] == "Bundle")
    assert document_["entry"] == original["entry"]


def test_every_resource_is_found_again_by_its_address_at_home():
    resources, sent = message()
    for resource, entry in zip(resources, sent["entry"], strict=True):
        assert "id" not in entry["resource"]
        assert entry["request"]["ifNoneExist"] == known_as(resource, BASE)
        numbers = entry["resource"]["identifier"]
        address = f"{BASE}/{resource['resourceType']}/{resource['id']}"
        ours = {"system": URI, "value": address}
        assert ours == numbers if resource["resourceType"] == "Bundle" else ours in numbers
    assert {"value": "310106"} in sent["entry"][0]["resource"]["identifier"]


def test_a_later_message_updates_the_task_and_nothing_else():
    resources, sent = message(renew="Task")
    methods = {e["resource"]["resourceType"]: e["request"] for e in sent["entry"]}
    assert methods["Task"] == {"method": "PUT", "url": f"Task?{known_as(resources[-1], BASE)}"}
    assert {r["method"] for kind, r in methods.items() if kind != "Task"} == {"POST"}


def test_a_pressure_is_told_with_both_values_and_a_medicine_with_its_dose():
    parts = [{"valueQuantity": {"value": value, "unit": "mmHg"}} for value in (148, 88)]
    facts = [
        {"resourceType": "Observation", "id": "bp", "code": {"text": "血压"}, "component": parts},
        {
            "resourceType": "MedicationRequest",
            "id": "drug",
            "medicationCodeableConcept": {"text": "氨氯地平 5 mg"},
            "dosageInstruction": [{"text": "早 1 片"}],
        },
    ]
    _, bundle = note(facts=facts)
    told = "".join(s["text"]["div"] for s in bundle["entry"][0]["resource"]["section"])
    assert "血压 148/88 mmHg" in told
    assert "氨氯地平 5 mg 早 1 片" in told
