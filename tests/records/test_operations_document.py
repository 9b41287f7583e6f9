"""Composition/$document: the Composition first, then all that it stands on."""

import pytest

from records import access, store, validate
from tests.records.cast import (
    DR_LIN,
    DR_SUN,
    MR_ZHAO,
    MS_QIAN,
    SOUTH,
    observation,
    partner,
    patient,
)

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]


def ref(name):
    return {"reference": name}


def composition(*entries, **more):
    return {
        "resourceType": "Composition",
        "status": "final",
        "type": {"text": "转诊记录"},
        "subject": ref("Patient/zhao"),
        "date": "2024-05-02",
        "author": [ref("Practitioner/lin")],
        "title": "转诊小结",
        "section": [{"title": "检查", "entry": [ref(name) for name in entries]}],
    } | more


@pytest.fixture
def written():
    """A summary of Mr Zhao with two findings."""
    store.create("Organization", {"resourceType": "Organization", "name": "N"}, by=DR_LIN, id="n")
    store.create("Practitioner", {"resourceType": "Practitioner"}, by=DR_LIN, id="lin")
    store.create(
        "Patient", patient(managingOrganization=ref("Organization/n")), by=DR_LIN, id="zhao"
    )
    store.create("Patient", patient(), by=DR_LIN, id="qian")
    store.create("Device", {"resourceType": "Device"}, by=DR_LIN, id="meter")
    store.create("Observation", observation(subject="Patient/qian"), by=DR_LIN, id="hers")
    store.create("Observation", observation(device=ref("Device/meter")), by=DR_LIN, id="one")
    two = observation(hasMember=[ref("Observation/one")], derivedFrom=[ref("Observation/hers")])
    store.create("Observation", two, by=DR_LIN, id="two")
    store.create("Composition", composition("Observation/two"), by=DR_LIN, id="summary")


def names(answer):
    validate.check(answer.body)
    return [f"{e['resource']['resourceType']}/{e['resource']['id']}" for e in answer.entries]


def test_a_document_begins_with_its_composition_and_holds_what_it_needs(api, written):
    answer = api.get("Composition/summary/$document")
    assert answer.status == 200, answer.text
    assert answer.body["type"] == "document"
    assert answer.body["identifier"]["value"].startswith("urn:uuid:")
    assert answer.body["timestamp"]
    found = names(answer)
    assert found[0] == "Composition/summary"
    assert set(found) == {
        *("Composition/summary", "Patient/zhao", "Practitioner/lin", "Observation/two"),
        *("Observation/one", "Device/meter", "Organization/n"),
    }
    assert len(found) == len(set(found))
    assert answer.entries[0]["fullUrl"] == "http://testserver/fhir/Composition/summary"


def test_the_id_may_be_a_parameter(api, written):
    for asked in ("summary", "Composition/summary", "http://testserver/fhir/Composition/summary"):
        assert names(api.get(f"Composition/$document?id={asked}"))[0] == "Composition/summary"
    assert api.get("Composition/$document").status == 400
    assert api.get("Composition/$document?id=http://other.example/Composition/1").status == 400


def test_a_document_can_be_kept(api, written):
    kept = api.post("Composition/summary/$document?persist=true")
    assert kept.status == 200, kept.text
    assert kept.headers["Location"].endswith(f"Bundle/{kept.body['id']}")
    again = api.get(f"Bundle/{kept.body['id']}")
    assert again.body["type"] == "document"
    assert names(again) == names(kept)
    assert api.get("Composition/summary/$document?persist=true").status == 400
    assert "id" not in api.post("Composition/summary/$document?persist=false").body


def test_what_the_composition_names_must_be_there(api, written):
    store.create("Composition", composition("Observation/nothing"), by=DR_LIN, id="broken")
    answer = api.get("Composition/broken/$document")
    assert answer.status == 422
    assert answer.body["issue"][0]["expression"] == ["Composition.section[0].entry[0].reference"]


def test_what_one_may_not_see_looks_like_what_is_not_there(api, written):
    assert api.get("Composition/summary/$document", by=DR_SUN).status == 404
    assert api.get("Composition/summary/$document", by=MS_QIAN).status == 404
    access.grant(to=SOUTH, resources=["Composition/summary", "Patient/zhao"], why="referral")
    hidden = api.get("Composition/summary/$document", by=DR_SUN)
    store.create("Composition", composition("Observation/nothing"), by=DR_LIN, id="broken")
    access.grant(to=SOUTH, resources=["Composition/broken"], why="referral")
    missing = api.get("Composition/broken/$document", by=DR_SUN)
    assert (hidden.status, hidden.issues) == (missing.status, missing.issues)


def test_patients_read_their_documents_but_keep_none(api, written):
    answer = api.get("Composition/summary/$document", by=MR_ZHAO)
    assert "Observation/one" in names(answer)
    assert "Observation/hers" not in names(answer)
    assert api.post("Composition/summary/$document?persist=true", by=MR_ZHAO).status == 403


def test_a_partners_scopes_hold_inside(api, written):
    half = partner("system/Composition.r", "system/Patient.r", "system/Practitioner.r")
    access.grant(to=half.reference, patient="Patient/zhao", why="referral")
    assert api.get("Composition/summary/$document", by=half).status == 422
    more = partner(
        *("system/Composition.r", "system/Patient.r", "system/Practitioner.r"),
        "system/Observation.r",
    )
    assert set(names(api.get("Composition/summary/$document", by=more))) == {
        *("Composition/summary", "Patient/zhao", "Practitioner/lin", "Observation/two"),
        "Observation/one",
    }
    assert api.post("Composition/summary/$document?persist=true", by=more).status == 403
    assert api.get("Composition/summary/$document", by=partner("system/Patient.r")).status == 403
