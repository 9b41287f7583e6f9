"""Patient/$everything and Encounter/$everything: all of a record, once, as far as one sees."""

import json
from pathlib import Path

import pytest

from records import access, store, validate
from records.everything import compartments
from tests.records.cast import (
    DR_LIN,
    DR_SUN,
    MR_ZHAO,
    MS_QIAN,
    NORTH,
    SOUTH,
    observation,
    partner,
    patient,
    task,
)

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]
OFFICIAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "fhir" / "definitions"


def ref(name):
    return {"reference": name}


def keep(kind, id_, body, by=DR_LIN, institution=None):
    store.create(kind, {"resourceType": kind} | body, by=by, id=id_, institution=institution)


@pytest.fixture
def record():
    """Mr Zhao's record at North: an encounter and things of other days; Ms Qian has hers."""
    keep("Organization", "group", {"name": "Group"})
    keep("Organization", NORTH, {"name": "North", "partOf": ref("Organization/group")})
    keep("Practitioner", "lin", {"name": [{"text": "林医生"}]})
    keep("Practitioner", "nobody", {"name": [{"text": "陌生人"}]})
    keep("Medication", "aspirin", {"code": {"text": "Aspirin"}})
    keep("Binary", "scan", {"contentType": "text/plain", "data": "aGk="})
    keep("Patient", "zhao", patient(managingOrganization=ref(f"Organization/{NORTH}")))
    keep("Patient", "qian", patient())
    keep(
        "Encounter",
        "visit",
        {
            "status": "finished",
            "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
            "subject": ref("Patient/zhao"),
            "participant": [{"individual": ref("Practitioner/lin")}],
            "period": {"start": "2024-05-01T09:00:00Z", "end": "2024-05-01T09:20:00Z"},
            "diagnosis": [{"condition": ref("Condition/angina")}],
        },
    )
    keep("Condition", "angina", {"subject": ref("Patient/zhao"), "recordedDate": "2023-01-01"})
    pulse = observation(encounter=ref("Encounter/visit"), performer=[ref("Practitioner/lin")])
    keep("Observation", "pulse", pulse)
    keep("Observation", "old", observation(at="2019-03-01"))
    keep("Observation", "hers", observation(subject="Patient/qian"))
    # He measured it at her: it belongs to both, and lies in her record.
    by_him = observation(subject="Patient/qian", performer=[ref("Patient/zhao")])
    keep("Observation", "measured-by-him", by_him)
    keep(
        "MedicationRequest",
        "order",
        {
            "status": "active",
            "intent": "order",
            "subject": ref("Patient/zhao"),
            "medicationReference": ref("Medication/aspirin"),
            "authoredOn": "2024-05-01",
        },
    )
    keep(
        "DocumentReference",
        "letter",
        {
            "status": "current",
            "subject": ref("Patient/zhao"),
            "content": [{"attachment": {"url": "Binary/scan"}}],
        },
    )
    keep("Task", "referral", task(status="draft"))
    keep("Observation", "elsewhere", observation(), by=DR_SUN, institution=SOUTH)


MEMBERS = {
    *("Patient/zhao", "Encounter/visit", "Condition/angina", "Observation/pulse"),
    *("Observation/old", "Observation/measured-by-him", "MedicationRequest/order"),
    *("DocumentReference/letter", "Task/referral"),
}
NEAR = {
    *(f"Organization/{NORTH}", "Organization/group", "Practitioner/lin"),
    *("Medication/aspirin", "Binary/scan"),
}


def names(answer):
    assert answer.status == 200, answer.text
    validate.check(answer.body)
    found = [f"{e['resource']['resourceType']}/{e['resource']['id']}" for e in answer.entries]
    assert len(found) == len(set(found)), "each once"
    return set(found)


def modes(answer, mode):
    return {
        f"{e['resource']['resourceType']}/{e['resource']['id']}"
        for e in answer.entries
        if e["search"]["mode"] == mode
    }


def test_the_table_is_that_of_the_standard():
    if not OFFICIAL.exists():
        pytest.skip("the official definitions are not here")
    for owner in ("patient", "encounter"):
        official = json.loads((OFFICIAL / f"CompartmentDefinition-{owner}.json").read_text())
        wanted = {
            row["code"]: tuple(row["param"])
            for row in official["resource"]
            if row.get("param") and row["param"] != ["{def}"]
        }
        assert compartments.TABLE[owner.capitalize()] == wanted


def test_the_whole_record_and_what_it_refers_to_each_once(api, record):
    answer = api.get("Patient/zhao/$everything")
    assert names(answer) == MEMBERS | NEAR
    assert modes(answer, "match") == MEMBERS
    assert answer.body["type"] == "searchset"
    assert answer.body["total"] == len(MEMBERS)
    assert answer.link("next") is None
    assert all(entry["fullUrl"].startswith("http://testserver/fhir/") for entry in answer.entries)


def test_pages_hold_everything_once_even_while_others_write(api, record):
    seen, asked = [], "Patient/zhao/$everything?_count=4"
    for _ in range(20):
        answer = api.get(asked)
        assert len(answer.entries) <= 4
        seen += names(answer)
        store.create("Observation", observation(), by=DR_LIN)
        asked = answer.link("next")
        if asked is None:
            break
    assert len(seen) == len(set(seen))
    assert set(seen) == MEMBERS | NEAR


def test_care_dates_types_and_changes_narrow_it(api, record):
    spring = names(api.get("Patient/zhao/$everything?start=2024-04-01&end=2024-06"))
    assert {"Observation/pulse", "Encounter/visit", "MedicationRequest/order"} <= spring
    assert {"Patient/zhao", "DocumentReference/letter"} <= spring, "what has no date of care stays"
    assert not {"Observation/old", "Condition/angina"} & spring
    before = names(api.get("Patient/zhao/$everything?end=2020"))
    assert "Observation/old" in before
    assert "Observation/pulse" not in before
    after = names(api.get("Patient/zhao/$everything?start=2024-05-01T09:10:00Z"))
    assert "Encounter/visit" in after, "still going on then"
    typed = api.get("Patient/zhao/$everything?_type=Observation,Practitioner&_type=Task")
    assert names(typed) == {
        *("Observation/pulse", "Observation/old", "Observation/measured-by-him"),
        *("Task/referral", "Practitioner/lin"),
    }
    moment = store.read("Observation", "pulse", by=DR_LIN).last_updated.isoformat()
    late = api.post(
        "Patient/zhao/$everything",
        {
            "resourceType": "Parameters",
            "parameter": [{"name": "_since", "valueInstant": moment}],
        },
    )
    assert "Observation/pulse" in names(late)
    assert names(api.get("Patient/zhao/$everything?_since=2999-01-01T00:00:00Z")) == set()


def test_parameters_of_a_post_live_on_in_the_next_link(api, record):
    rows = [{"name": "_count", "valueInteger": 2}, {"name": "_type", "valueCode": "Observation"}]
    first = api.post("Patient/zhao/$everything", {"resourceType": "Parameters", "parameter": rows})
    second = api.get(first.link("next"))
    assert names(first) | names(second) == {
        *("Observation/pulse", "Observation/old", "Observation/measured-by-him"),
    }


def test_an_encounter_with_all_that_belongs_to_it(api, record):
    answer = api.get("Encounter/visit/$everything")
    assert modes(answer, "match") == {"Encounter/visit", "Observation/pulse"}
    assert modes(answer, "include") == {
        *("Patient/zhao", "Practitioner/lin", "Condition/angina"),
        *(f"Organization/{NORTH}", "Organization/group"),
    }


def test_a_deleted_resource_is_no_part_of_it(api, record):
    store.delete("Observation", "old", by=DR_LIN)
    assert "Observation/old" not in names(api.get("Patient/zhao/$everything"))


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("Patient/zhao/$everything?_count=0", 400),
        ("Patient/zhao/$everything?_count=x", 400),
        ("Patient/zhao/$everything?_count=1000000000", 400),
        ("Patient/zhao/$everything?start=yesterday", 400),
        ("Patient/zhao/$everything?_type=Bogus", 400),
        ("Patient/zhao/$everything?_cursor=abc", 400),
        ("Patient/zhao/$everything?color=red", 400),
        ("Encounter/visit/$everything?start=2024", 400),
        ("Patient/unknown/$everything", 404),
        ("Patient/$everything", 422),
        ("Observation/pulse/$everything", 404),
    ],
)
def test_what_is_asked_wrongly_is_refused(api, record, asked, status):
    answer = api.get(asked)
    assert answer.status == status, answer.text
    assert answer.issues


def test_a_cursor_belongs_to_its_record(api, record):
    following = api.get("Patient/zhao/$everything?_count=2").link("next")
    assert api.get(following.replace("zhao", "qian")).status == 400


def test_another_house_sees_of_a_record_only_what_it_keeps(api, record):
    assert api.get("Patient/zhao/$everything", by=DR_SUN).status == 404
    access.grant(to=SOUTH, resources=["Patient/zhao"], why="consultation")
    answer = api.get("Patient/zhao/$everything", by=DR_SUN)
    assert modes(answer, "match") == {"Patient/zhao", "Observation/elsewhere"}
    assert answer.body["total"] == 2
    access.grant(to=SOUTH, patient="Patient/zhao", why="referral")
    whole = api.get("Patient/zhao/$everything", by=DR_SUN)
    assert modes(whole, "match") == MEMBERS - {"Observation/measured-by-him"} | {
        "Observation/elsewhere"
    }
    assert "Binary/scan" not in names(whole), "nobody granted the file"


def test_patients_see_their_own_record_and_no_other(api, record):
    own = api.get("Patient/$everything", by=MR_ZHAO)
    assert modes(own, "match") == MEMBERS - {"Observation/measured-by-him"} | {
        "Observation/elsewhere"
    }
    assert api.get("Patient/qian/$everything", by=MR_ZHAO).status == 404
    assert api.get("Encounter/visit/$everything", by=MS_QIAN).status == 404


def test_a_partners_scopes_hold_inside(api, record):
    narrow = partner("system/Patient.r", "system/Observation.r")
    access.grant(to=narrow.reference, patient="Patient/zhao", why="referral")
    answer = api.get("Patient/zhao/$everything", by=narrow)
    assert names(answer) == {
        *("Patient/zhao", "Observation/pulse", "Observation/old", "Observation/elsewhere"),
    }
    assert answer.body["total"] == 4
    assert api.get("Encounter/visit/$everything", by=narrow).status == 403
    assert api.get("Patient/zhao/$everything", by=partner("system/Task.rs")).status == 403
    stranger = partner("system/*.cruds", organization="other")
    assert api.get("Patient/zhao/$everything", by=stranger).status == 404


def test_a_large_record_is_answered_in_time_with_few_statements(api, django_assert_max_num_queries):
    keep("Patient", "zhao", patient())
    for number in range(120):
        keep("Observation", f"o{number}", observation(value=number))
    with django_assert_max_num_queries(12):
        answer = api.get("Patient/zhao/$everything")
    assert len(answer.entries) == 121
