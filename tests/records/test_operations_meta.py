"""$meta, $meta-add, $meta-delete."""

import pytest

from records import access, store, validate
from tests.records.cast import DR_LIN, DR_SUN, MR_ZHAO, MS_QIAN, observation, partner, patient

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]
RED = {"system": "http://hospital.example/tags", "code": "red"}
BLUE = {"system": "http://hospital.example/tags", "code": "blue"}
SECRET = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
PROFILE = "http://hospital.example/StructureDefinition/pulse"


def asked(**meta):
    return {"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": meta}]}


def meta(answer):
    assert answer.status == 200, answer.text
    validate.check(answer.body)
    [row] = answer.body["parameter"]
    assert row["name"] == "return"
    return row["valueMeta"]


@pytest.fixture
def pulse():
    store.create("Patient", patient(), by=DR_LIN, id="zhao")
    body = observation(meta={"tag": [RED], "profile": [PROFILE]})
    store.create("Observation", body, by=DR_LIN, id="pulse")


def test_the_meta_of_a_resource(api, pulse):
    found = meta(api.get("Observation/pulse/$meta"))
    assert found["versionId"] == "1"
    assert found["tag"] == [RED]
    assert found == api.get("Observation/pulse").body["meta"]


def test_labels_are_added_once_and_make_a_version(api, pulse):
    again = {**RED, "display": "Rot", "version": "2"}
    found = meta(
        api.post("Observation/pulse/$meta-add", asked(tag=[again, BLUE], security=[SECRET]))
    )
    assert found["tag"] == [RED, BLUE]
    assert found["security"] == [SECRET]
    assert found["profile"] == [PROFILE]
    assert found["versionId"] == "2"
    body = api.get("Observation/pulse").body
    assert body["meta"] == found
    assert str(body["valueQuantity"]["value"]) == "72"
    assert api.get("Observation/pulse/_history/1").body["meta"]["tag"] == [RED]


def test_adding_what_is_there_changes_nothing(api, pulse):
    answer = api.post("Observation/pulse/$meta-add", asked(tag=[RED], profile=[PROFILE]))
    assert meta(answer)["versionId"] == "1"
    assert answer.headers["ETag"] == 'W/"1"'


def test_labels_are_taken_away(api, pulse):
    found = meta(api.post("Observation/pulse/$meta-delete", asked(tag=[RED, BLUE])))
    assert "tag" not in found
    assert found["profile"] == [PROFILE]
    assert found["versionId"] == "2"
    assert meta(api.post("Observation/pulse/$meta-delete", asked(tag=[RED])))["versionId"] == "2"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"resourceType": "Parameters"}, 400),
        (asked(tag="red"), 422),
        (asked(tag=["red"]), 422),
        (asked(tag=[{"system": "x"}]), 422),
        (asked(profile=[{"a": 1}]), 422),
        (asked(profile=["not an address"]), 422),
        ({"resourceType": "Parameters", "parameter": [{"name": "meta", "valueString": "x"}]}, 400),
    ],
)
def test_what_is_no_meta_is_refused(api, pulse, body, status):
    answer = api.post("Observation/pulse/$meta-add", body)
    assert answer.status == status, answer.text
    assert store.read("Observation", "pulse", by=DR_LIN).version == 1


def test_a_stale_version_is_not_relabelled(api, pulse):
    stale = api.post("Observation/pulse/$meta-add", asked(tag=[BLUE]), If_Match='W/"7"')
    assert stale.status == 412
    assert (
        api.post("Observation/pulse/$meta-add", asked(tag=[BLUE]), If_Match='W/"1"').status == 200
    )
    assert api.get("Observation/pulse/$meta-add").status == 405


def test_labels_need_the_rights_of_a_write(api, pulse):
    for stranger in (DR_SUN, MS_QIAN, partner()):
        assert api.get("Observation/pulse/$meta", by=stranger).status == 404
        assert api.post("Observation/pulse/$meta-add", asked(tag=[BLUE]), by=stranger).status == 404
    assert meta(api.get("Observation/pulse/$meta", by=MR_ZHAO))["tag"] == [RED]
    refused = api.post("Observation/pulse/$meta-delete", asked(tag=[RED]), by=MR_ZHAO)
    assert refused.status == 403
    reader = partner("system/Observation.r")
    access.grant(to=reader.reference, patient="Patient/zhao", why="referral")
    assert meta(api.get("Observation/pulse/$meta", by=reader))["tag"] == [RED]
    assert api.post("Observation/pulse/$meta-add", asked(tag=[BLUE]), by=reader).status == 403
    assert api.get("Observation/pulse/$meta", by=partner("system/Patient.r")).status == 403
    assert store.read("Observation", "pulse", by=DR_LIN).version == 1
