"""$validate: what there is to say of a resource; nothing is written."""

import pytest

from records import store, validate
from records.models import Resource, ResourceVersion
from tests.records.cast import DR_LIN, DR_SUN, MR_ZHAO, observation, partner, patient

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]
RESIDENT = "urn:tongzhen:profile:patient"
CARD = {"system": "urn:oid:2.16.156.10011.1.3", "value": "110105194912310021"}


def asked(resource=None, **values):
    rows = [{"name": name, "valueCode": value} for name, value in values.items()]
    rows += [{"name": "resource", "resource": resource}] if resource else []
    return {"resourceType": "Parameters", "parameter": rows}


def said(answer):
    assert answer.status == 200, answer.text
    validate.check(answer.body)
    return [
        (i["severity"], i["code"], i.get("expression", [None])[0]) for i in answer.body["issue"]
    ]


def errors(answer):
    return [(code, where) for severity, code, where in said(answer) if severity == "error"]


def test_a_good_resource_has_no_errors(api):
    narrative = {
        "status": "generated",
        "div": '<div xmlns="http://www.w3.org/1999/xhtml">Zhao</div>',
    }
    assert said(api.post("Patient/$validate", patient(text=narrative))) == [
        ("information", "informational", None)
    ]
    assert not Resource.objects.exists()


def test_advice_of_the_standard_is_a_warning(api):
    assert said(api.post("Patient/$validate", patient())) == [
        ("warning", "invariant", "Patient"),
        ("information", "informational", None),
    ]


def test_every_error_is_named(api):
    bad = observation(status="bogus", famly=1, valueString="x", subject={"reference": "Device"})
    found = errors(api.post("Observation/$validate", bad))
    assert ("code-invalid", "Observation.status") in found
    assert ("structure", "Observation.famly") in found
    assert ("structure", "Observation.value") in found
    assert not ResourceVersion.objects.exists()


def test_parameters_carry_the_resource(api):
    assert errors(api.post("Patient/$validate", asked(patient(gender="bogus")))) == [
        ("code-invalid", "Patient.gender")
    ]
    assert errors(api.post("Patient/$validate", asked(observation()))) == [
        ("invalid", "Patient.resourceType")
    ]
    lone = {"resourceType": "Parameters", "parameter": [{"name": "x", "bogus": 1}]}
    found = errors(api.post("Parameters/$validate", lone))
    assert ("structure", "Parameters.parameter[0].bogus") in found


def test_a_profile_of_ours_is_asked_for(api):
    body = patient(identifier=[CARD])
    assert errors(api.post("Patient/$validate", body)) == []
    wrong = [("value", "Patient.identifier[0].value")]
    assert errors(api.post(f"Patient/$validate?profile={RESIDENT}", body)) == wrong
    assert errors(api.post("Patient/$validate", asked(body, profile=RESIDENT))) == wrong
    claimed = body | {"meta": {"profile": [RESIDENT]}}
    assert errors(api.post("Patient/$validate", claimed)) == wrong
    other = observation()
    found = errors(api.post(f"Observation/$validate?profile={RESIDENT}", other))
    assert found == [("invariant", "Observation")]


def test_a_sex_that_the_card_does_not_say_is_a_warning(api):
    card = CARD | {"value": "11010519491231002X"}
    body = patient(identifier=[card], birthDate="1949-12-31", gender="male")
    found = said(api.post(f"Patient/$validate?profile={RESIDENT}", body))
    assert ("warning", "invariant", "Patient.gender") in found
    assert not [severity for severity, _, _ in found if severity == "error"]


def test_an_unknown_profile_is_refused_when_asked_and_told_when_claimed(api):
    theirs = "http://x.example/StructureDefinition/theirs"
    refused = api.post(f"Patient/$validate?profile={theirs}", patient())
    assert (refused.status, refused.issues[0][0]) == (422, "not-supported")
    assert theirs in refused.issues[0][1]
    found = said(api.post("Patient/$validate", patient(meta={"profile": [theirs]})))
    assert ("information", "not-supported", "Patient.meta.profile[0]") in found
    standard = "http://hl7.org/fhir/StructureDefinition/Patient"
    assert errors(api.post(f"Patient/$validate?profile={standard}", patient())) == []


def test_what_is_in_the_store_is_validated_for_who_sees_it(api):
    store.create("Patient", patient(), by=DR_LIN, id="zhao")
    assert errors(api.get("Patient/zhao/$validate")) == []
    assert errors(api.post("Patient/zhao/$validate", asked(mode="delete"))) == []
    assert errors(api.get(f"Patient/zhao/$validate?mode=profile&profile={RESIDENT}")) == []
    assert api.get("Patient/zhao/$validate", by=DR_SUN).status == 404
    assert api.post("Patient/zhao/$validate", asked(mode="delete"), by=DR_SUN).status == 404
    assert api.get("Patient/nobody/$validate").status == 404
    stranger = partner("system/Observation.cruds")
    assert api.get("Patient/zhao/$validate", by=stranger).status == 403
    assert api.get("Patient/zhao").body["meta"]["versionId"] == "1"


def test_an_update_needs_the_id_of_its_address(api):
    address = "Patient/zhao/$validate?mode=update"
    assert errors(api.post(address, patient(id="zhao"))) == []
    assert errors(api.post(address, patient(id="qian"))) == [("value", "Patient.id")]
    assert errors(api.post(address, patient())) == [("required", "Patient.id")]


def test_a_mode_asks_whether_one_may(api):
    assert errors(api.post("Patient/$validate?mode=create", patient())) == []
    found = errors(api.post("Patient/$validate?mode=create", patient(), by=MR_ZHAO))
    assert found == [("forbidden", None)]
    reader = partner("system/Patient.rs")
    for mode in ("create", "update"):
        body = patient(id="zhao")
        found = errors(api.post(f"Patient/$validate?mode={mode}", body, by=reader))
        assert found == [("forbidden", None)]


@pytest.mark.parametrize(
    ("address", "body"),
    [
        ("Patient/$validate?mode=bogus", patient()),
        ("Patient/$validate?bogus=1", patient()),
        ("Patient/$validate?mode=profile", patient()),
        ("Patient/$validate", asked()),
        ("Patient/$validate", {"resourceType": "Parameters", "parameter": 7}),
        ("Patient/$validate", "{"),
    ],
)
def test_a_question_that_cannot_be_understood_is_refused(api, address, body):
    refused = api.post(address, body)
    assert refused.status == 400
    assert refused.issues


def test_it_is_advertised(api):
    rows = api.get("metadata").body["rest"][0]["resource"]
    assert all("validate" in {op["name"] for op in row["operation"]} for row in rows)
