"""Who sees what: filters of scopes, Consents, several patients in one resource, broken glass."""

from datetime import timedelta

import pytest

from kernel.clock import now
from kernel.errors import Forbidden, Invalid, Missing
from kernel.principal import SYSTEM, Principal
from records import access, search, store
from records.models import Denial, Naming
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
)

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]
LABORATORY = "http://terminology.hl7.org/CodeSystem/observation-category"
NURSE = Principal("Practitioner/wu", institution=NORTH, roles=frozenset({"nurse"}))


def of_category(code, **more):
    return observation(category=[{"coding": [{"system": LABORATORY, "code": code}]}], **more)


def consent(provision, **more):
    scope = {"system": "http://terminology.hl7.org/CodeSystem/consentscope"}
    return {
        "resourceType": "Consent",
        "status": "active",
        "scope": {"coding": [scope | {"code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"reference": "Patient/zhao"},
        "policyRule": {"text": "privacy"},
        "provision": provision,
    } | more


def actor(reference):
    role = {"coding": [{"code": "PRCP"}]}
    return {"role": role, "reference": {"reference": reference}}


@pytest.fixture
def zhao(api):
    api.put("Patient/zhao", patient(id="zhao"))
    access.grant(to="partner-hospital", patient="Patient/zhao", why="visit")
    return "Patient/zhao"


@pytest.fixture
def two(api, zhao):
    """A laboratory result and a vital sign of Zhao's."""
    lab = api.post("Observation", of_category("laboratory")).body["id"]
    vital = api.post("Observation", of_category("vital-signs")).body["id"]
    return lab, vital


LAB_ONLY = partner("system/Observation.cruds?category=laboratory", "system/Patient.rs")


def test_a_filter_narrows_every_way_of_reading(api, two):
    lab, vital = two
    assert api.get(f"Observation/{lab}", by=LAB_ONLY).status == 200
    assert api.get("Observation", by=LAB_ONLY).ids == [lab]
    assert api.get("Observation?_summary=count", by=LAB_ONLY).body["total"] == 1
    assert api.get(f"Observation?_id={vital},{lab}", by=LAB_ONLY).ids == [lab]
    for path in ("", "/_history", "/_history/1"):
        assert api.get(f"Observation/{vital}{path}", by=LAB_ONLY).status == 404, path
    assert api.get("Observation/_history", by=LAB_ONLY).ids == [lab]
    assert set(api.get("_history", by=LAB_ONLY).ids) == {lab, "zhao"}
    included = api.get("Patient?_revinclude=Observation:subject", by=LAB_ONLY).ids
    assert included == ["zhao", lab]
    asked = "Patient?_has:Observation:patient:_id={}"
    assert api.get(asked.format(lab), by=LAB_ONLY).ids == ["zhao"]
    assert api.get(asked.format(vital), by=LAB_ONLY).ids == []


def test_a_filter_narrows_includes_and_chains(api, two):
    api.post("Observation", observation(hasMember=[{"reference": f"Observation/{two[1]}"}]))
    reader = partner("system/Observation.rs?code=8867-4&status=final", "system/Patient.rs?_id=x")
    assert len(api.get("Observation?_include=Observation:subject", by=reader).entries) == 3
    assert api.get("Observation?patient.family=zhao", by=reader).ids == []
    wide = partner("system/Observation.rs", "system/Patient.rs?gender=female")
    assert "zhao" in api.get("Observation?_include=Observation:subject", by=wide).ids


def test_through_a_filter_no_version_is_seen_that_it_did_not_judge(api, two):
    lab, _ = two
    assert api.put(f"Observation/{lab}", of_category("laboratory", id=lab)).status == 200
    assert api.get(f"Observation/{lab}/_history/2", by=LAB_ONLY).status == 200
    assert api.get(f"Observation/{lab}/_history/1", by=LAB_ONLY).status == 404
    assert len(api.get(f"Observation/{lab}/_history", by=LAB_ONLY).entries) == 1


def test_a_filter_narrows_what_is_written_before_and_after(api, bundle_of):
    made = api.post("Observation", of_category("laboratory"), by=LAB_ONLY)
    assert made.status == 201
    assert api.post("Observation", of_category("vital-signs"), by=LAB_ONLY).status == 403
    address = f"Observation/{made.body['id']}"
    away = of_category("vital-signs", id=made.body["id"])
    assert api.put(address, away, by=LAB_ONLY).status == 403
    assert api.put(address, away, by=partner()).status == 200
    assert api.put(address, made.body, by=LAB_ONLY).status == 404
    assert api.delete(address, by=LAB_ONLY).status == 404
    bundle = bundle_of(("POST", "Observation", of_category("vital-signs")))
    assert api.post("", bundle, by=LAB_ONLY).status == 403
    assert len(search.search("Observation", [], by=SYSTEM).matches) == 1


def test_letters_of_one_type_may_have_filters_of_their_own(api, zhao):
    by = partner("system/Observation.cr", "system/Observation.d?category=laboratory")
    made = [
        api.post("Observation", of_category(code), by=by).body["id"]
        for code in ("laboratory", "vital-signs")
    ]
    assert [api.get(f"Observation/{id_}", by=by).status for id_ in made] == [200, 200]
    assert [api.delete(f"Observation/{id_}", by=by).status for id_ in made] == [204, 404]


@pytest.mark.parametrize(
    "only", ["nonsense=1", "_has:Task:subject:code=1", "subject.name=x", "_count=1"]
)
def test_a_filter_that_is_no_simple_search_opens_nothing(api, two, only):
    reader = partner(f"system/Observation.rs?{only}")
    assert api.get("Observation", by=reader).ids == []
    assert api.get(f"Observation/{two[0]}", by=reader).status == 404


def test_one_filter_may_hold_for_every_type(api, two):
    reader = partner(f"system/*.rs?_id={two[0]}")
    assert api.get("Observation", by=reader).ids == [two[0]]
    assert api.get("_history", by=reader).ids == [two[0]]


def test_a_consent_denies_one_practitioner_the_record(api, two):
    made = api.post("Consent", consent({"type": "deny", "actor": [actor(NURSE.reference)]}))
    assert made.status == 201
    for path in ("Patient/zhao", f"Observation/{two[0]}", f"Observation/{two[0]}/_history/1"):
        assert api.get(path, by=NURSE).status == 404, path
        assert api.get(path).status == 200
        assert api.get(path, by=MR_ZHAO).status == 200
    assert api.get("Observation", by=NURSE).ids == []
    assert api.get("_history", by=NURSE).ids == []
    assert store.read("Patient", "zhao", by=SYSTEM).id == "zhao"
    address = f"Consent/{made.body['id']}"
    assert api.put(address, made.body, by=NURSE).status == 404
    assert api.put(address, made.body | {"status": "inactive"}).status == 200
    assert api.get("Patient/zhao", by=NURSE).status == 200
    api.put(address, made.body)
    assert api.get("Patient/zhao", by=NURSE).status == 404
    assert api.delete(address).status == 204
    assert api.get("Patient/zhao", by=NURSE).status == 200


def test_a_consent_denies_an_organization_some_types_and_instances(api, two):
    lab, vital = two
    kinds = [{"system": "http://hl7.org/fhir/resource-types", "code": "Condition"}]
    data = [{"meaning": "instance", "reference": {"reference": f"Observation/{vital}"}}]
    hospital = [actor("Organization/partner-hospital")]
    nested = [
        {"type": "deny", "actor": hospital, "class": kinds},
        {"type": "deny", "actor": hospital, "data": data},
    ]
    assert api.post("Consent", consent({"provision": nested})).status == 201
    sick = api.post(
        "Condition", {"resourceType": "Condition", "subject": {"reference": "Patient/zhao"}}
    )
    assert sick.status == 201
    assert api.get("Condition", by=partner()).ids == []
    assert api.get("Observation", by=partner()).ids == [lab]
    assert api.get("Observation").ids == [lab, vital]
    assert api.get("Condition").ids == [sick.body["id"]]


def test_a_denial_of_everybody_spares_the_author(api, two):
    third = store.create("Observation", observation(), by=NURSE, institution=NORTH)
    store.create("Consent", consent({"type": "deny"}), by=SYSTEM, institution=NORTH)
    assert api.get("Observation", by=NURSE).ids == [third.id]
    assert api.get("Observation", by=partner()).ids == []
    assert len(api.get("Observation", by=MR_ZHAO).ids) == 3


def test_a_denial_lasts_for_its_period(api, zhao):
    past = {"start": "2020-01-01", "end": "2020-12-31"}
    store.create("Consent", consent({"type": "deny", "period": past}), by=SYSTEM)
    assert api.get("Patient/zhao").status == 200
    store.create("Consent", consent({"type": "deny", "period": {"start": "2020"}}), by=SYSTEM)
    assert api.get("Patient/zhao", by=NURSE).status == 404


def test_a_consent_that_is_not_in_force_denies_nothing(api, zhao):
    deny = {"type": "deny"}
    research = {"coding": [{"code": "research"}]}
    for more in ({"status": "draft"}, {"scope": research}):
        assert api.post("Consent", consent(deny, **more)).status == 201
    assert api.get("Patient/zhao", by=NURSE).status == 200
    assert not Denial.objects.exists()


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"securityLabel": [{"code": "R"}]}, "securityLabel"),
        ({"dataPeriod": {"start": "2020"}}, "dataPeriod"),
        ({"code": [{"text": "HIV"}]}, "code"),
        ({"action": [{"coding": [{"code": "correct"}]}]}, "action"),
        ({"class": [{"system": "urn:ietf:bcp:13", "code": "text/html"}]}, "class[0]"),
        ({"actor": [actor("Group/g")]}, "actor[0].reference"),
        ({"data": [{"meaning": "related", "reference": {"reference": "Task/t"}}]}, "data[0]"),
        ({"provision": [{"type": "permit"}]}, "provision[0]"),
    ],
)
def test_a_denial_that_cannot_be_kept_is_refused_by_name(api, zhao, more, path):
    refused = api.post("Consent", consent({"type": "deny"} | more))
    assert refused.status == 422
    assert refused.body["issue"][0]["expression"] == [f"Consent.provision.{path}"]
    assert not Denial.objects.exists()


def test_a_consent_permits_an_outside_hospital_the_record(api, two):
    api.post("Consent", consent({"type": "permit", "actor": [actor(f"Organization/{SOUTH}")]}))
    assert api.get("Patient/zhao", by=DR_SUN).status == 200
    made = api.get("Consent").ids[0]
    api.delete(f"Consent/{made}")
    assert api.get("Patient/zhao", by=DR_SUN).status == 404


def test_a_permit_that_says_more_than_we_keep_gives_nothing(api, two):
    narrow = {"type": "permit", "actor": [actor(f"Organization/{SOUTH}")]}
    labels = narrow | {"securityLabel": [{"code": "N"}]}
    assert api.post("Consent", consent(labels)).status == 201
    assert api.get("Patient/zhao", by=DR_SUN).status == 404


def test_a_partner_decides_about_its_own_patients_alone(api, two):
    by = partner()
    refused = api.post("Consent", consent({"type": "deny"}), by=by)
    unknown = consent({"type": "deny"}, patient={"reference": "Patient/nobody"})
    assert refused.status == api.post("Consent", unknown, by=by).status == 422
    permit = {"type": "permit", "actor": [actor(f"Organization/{SOUTH}")]}
    assert api.post("Consent", consent(permit), by=by).status == 201
    assert api.get("Patient/zhao", by=DR_SUN).status == 404
    own = api.post("Patient", patient(), by=by).body["id"]
    about = {"patient": {"reference": f"Patient/{own}"}}
    access.grant(to=SOUTH, patient=f"Patient/{own}", why="visit")
    assert api.get(f"Patient/{own}", by=DR_SUN).status == 200
    assert api.post("Consent", consent({"type": "deny"}, **about), by=by).status == 201
    assert api.get(f"Patient/{own}", by=DR_SUN).status == 404


def test_a_partner_does_not_open_to_itself_what_the_house_writes(api):
    by = partner()
    own = api.put("Patient/theirs", patient(id="theirs"), by=by)
    assert own.status == 201
    kept = store.create("Observation", observation("Patient/theirs"), by=DR_LIN).id
    permit = {"type": "permit", "actor": [actor("Organization/partner-hospital")]}
    about = {"patient": {"reference": "Patient/theirs"}}
    assert api.post("Consent", consent(permit, **about), by=by).status == 201
    assert api.get(f"Observation/{kept}", by=by).status == 404


def appointment(*patients):
    return {
        "resourceType": "Appointment",
        "status": "proposed",
        "participant": [
            {"actor": {"reference": f"Patient/{id_}"}, "status": "accepted"} for id_ in patients
        ],
    }


def test_what_names_two_patients_lies_in_nobodys_record(api, zhao):
    alone = api.post("Appointment", appointment("zhao")).body["id"]
    both = api.post("Appointment", appointment("zhao", "qian")).body["id"]
    assert api.get("Appointment", by=MR_ZHAO).ids == [alone]
    assert api.get("Appointment", by=MS_QIAN).ids == []
    assert api.get("Appointment", by=partner()).ids == [alone]
    assert api.get("Appointment").ids == [alone, both]


def test_who_is_denied_one_patient_is_denied_what_names_several(api, zhao):
    both = api.post("Appointment", appointment("zhao", "qian")).body["id"]
    entry = [{"resource": patient(id="zhao")}]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entry}
    held = api.post("Bundle", bundle).body["id"]
    paths = (f"Appointment/{both}", f"Bundle/{held}")
    assert [api.get(path, by=NURSE).status for path in paths] == [200, 200]
    store.create("Consent", consent({"type": "deny", "actor": [actor(NURSE.reference)]}), by=SYSTEM)
    assert [api.get(path, by=NURSE).status for path in paths] == [404, 404]
    assert api.get("Appointment", by=NURSE).ids == []
    assert [api.get(path).status for path in paths] == [200, 200]
    api.put(f"Appointment/{both}", appointment("qian") | {"id": both})
    assert api.get(f"Appointment/{both}", by=NURSE).status == 200
    assert Naming.objects.filter(patient="zhao").count() == 1  # the Bundle's


def test_a_record_does_not_show_what_a_resource_was_in_anothers(api, zhao):
    api.put("Patient/qian", patient(id="qian"))
    moved = api.post("Observation", observation()).body["id"]
    assert api.get(f"Observation/{moved}", by=MR_ZHAO).status == 200
    api.put(f"Observation/{moved}", observation("Patient/qian", id=moved))
    assert api.get(f"Observation/{moved}", by=MS_QIAN).status == 200
    assert api.get(f"Observation/{moved}/_history/1", by=MS_QIAN).status == 404
    assert len(api.get(f"Observation/{moved}/_history", by=MS_QIAN).entries) == 1
    assert len(api.get(f"Observation/{moved}/_history").entries) == 2
    assert api.get(f"Observation/{moved}/_history/1", by=MR_ZHAO).status == 404


def test_hidden_and_unknown_patients_are_answered_alike(api, two):
    stranger = partner(organization="strangers")
    answers = [
        api.post("Observation", observation(subject), by=stranger)
        for subject in ("Patient/zhao", "Patient/nobody")
    ]
    assert [answer.status for answer in answers] == [201, 201]
    assert len(api.get("Observation", by=MR_ZHAO).ids) == 2
    assert len(api.get("Observation", by=stranger).ids) == 2


def test_what_was_written_before_its_patient_comes_into_the_record(api):
    ours = api.post("Observation", observation("Patient/qian")).body["id"]
    api.post("Observation", observation("Patient/qian"), by=partner(organization="strangers"))
    assert api.get("Observation", by=MS_QIAN).ids == []
    api.put("Patient/qian", patient(id="qian"))
    assert api.get("Observation", by=MS_QIAN).ids == [ours]


def test_a_patient_made_in_the_same_bundle_has_their_record(api, bundle_of):
    bundle = bundle_of(
        ("PUT", "Patient/qian", patient(id="qian")),
        ("POST", "Observation", observation("Patient/qian")),
    )
    assert api.post("", bundle, by=partner()).status == 200
    assert len(api.get("Observation", by=MS_QIAN).ids) == 1


def test_a_partners_directory_is_its_own_until_the_house_keeps_it(api):
    by, other = partner(), partner(organization="strangers")
    body = {"resourceType": "Organization", "name": "Best Hospital"}
    made = api.post("Organization", body, by=by).body["id"]
    address = f"Organization/{made}"
    assert api.get(address, by=by).status == 200
    for who in (other, DR_LIN, MR_ZHAO):
        assert api.get(address, by=who).status == 404
        assert api.get("Organization", by=who).ids == []
        assert api.get("_history", by=who).ids == []
    access.grant(to=other.reference, resources=[address], why="known")
    assert api.get(address, by=other).status == 200
    store.update("Organization", made, body, by=SYSTEM)
    assert api.get(address, by=DR_LIN).status == 200
    assert api.get("Organization", by=MR_ZHAO).ids == [made]
    assert api.put(address, body | {"id": made}, by=by).status == 403


def test_a_doctor_breaks_the_glass_for_four_hours(api, two, monkeypatch):
    store.create("Consent", consent({"type": "deny"}), by=SYSTEM)
    assert api.get("Patient/zhao", by=DR_SUN).status == 404
    until = access.break_glass(DR_SUN, "Patient/zhao", reason="unconscious in the emergency room")
    assert api.get("Patient/zhao", by=DR_SUN).status == 200
    assert len(api.get("Observation", by=DR_SUN).ids) == 2
    assert api.get("Patient/zhao", by=NURSE).status == 404
    assert timedelta(hours=3.9) < until - now() <= timedelta(hours=4)
    monkeypatch.setattr("records.access.seeing.now", lambda: until + timedelta(seconds=1))
    assert api.get("Patient/zhao", by=DR_SUN).status == 404


def test_glass_is_broken_by_doctors_with_a_reason(api, zhao):
    with pytest.raises(Forbidden):
        access.break_glass(NURSE, "Patient/zhao", reason="urgent")
    with pytest.raises(Invalid):
        access.break_glass(DR_SUN, "Patient/zhao", reason=" ")
    with pytest.raises(Missing):
        access.break_glass(DR_SUN, "Patient/nobody", reason="urgent")
