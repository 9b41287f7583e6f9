"""The REST door: every interaction, its headers, and every failure as an OperationOutcome."""

import pytest

from kernel.errors import Refused
from kernel.principal import Principal
from records import access, hooks, store
from records.api import auth
from records.models import Resource
from tests.records.cast import DR_LIN, DR_SUN, MR_ZHAO, NORTH, observation, partner, patient, task

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]


@pytest.fixture
def zhao(api):
    return api.put("Patient/zhao", patient(id="zhao"))


def test_create_answers_where_and_which_version(api):
    made = api.post("Patient", patient())
    assert made.status == 201
    assert made.headers["ETag"] == 'W/"1"'
    assert (
        made.headers["Location"] == f"http://testserver/fhir/Patient/{made.body['id']}/_history/1"
    )
    assert made.headers["Content-Type"] == "application/fhir+json"
    found = api.get(made.headers["Location"])
    assert (found.status, found.text) == (200, made.text)


def test_prefer_says_how_much_comes_back(api):
    assert api.post("Patient", patient(), Prefer="return=minimal").text == ""
    said = api.post("Patient", patient(), Prefer="return=OperationOutcome")
    assert said.status == 201
    assert said.issues == [("informational", "done")]


def test_reading_again_costs_nothing(api, zhao):
    same = api.get("Patient/zhao", If_None_Match=zhao.headers["ETag"])
    assert (same.status, same.text) == (304, "")
    since = api.get("Patient/zhao", If_Modified_Since=zhao.headers["Last-Modified"])
    assert since.status == 304
    assert api.get("Patient/zhao", If_None_Match='W/"7"').status == 200


def test_update_with_if_match(api, zhao):
    second = api.put("Patient/zhao", patient(id="zhao", gender="male"), If_Match='W/"1"')
    assert (second.status, second.headers["ETag"]) == (200, 'W/"2"')
    late = api.put("Patient/zhao", patient(id="zhao"), If_Match='W/"1"')
    assert late.status == 412
    assert late.issues[0][0] == "conflict"
    assert api.put("Patient/zhao", patient(id="zhao"), If_Match="what").status == 400


def test_the_id_of_body_and_address_must_agree(api, zhao):
    for body in (patient(id="other"), patient()):
        assert api.put("Patient/zhao", body).status == 400
    assert api.get("Patient/zhao").headers["ETag"] == 'W/"1"'


def test_deleted_is_gone_with_a_history(api, zhao):
    assert api.delete("Patient/zhao").status == 204
    gone = api.get("Patient/zhao")
    assert (gone.status, gone.issues[0][0]) == (410, "deleted")
    past = api.get("Patient/zhao/_history")
    assert [e["request"]["method"] for e in past.entries] == ["DELETE", "PUT"]
    assert past.entries[0]["response"]["status"] == "204 No Content"
    assert "resource" not in past.entries[0]
    assert api.get("Patient/zhao/_history/1").status == 200
    assert api.get("Patient/zhao/_history/2").status == 410


def test_history_of_type_and_system_in_pages(api):
    made = [api.post("Patient", patient()).body["id"] for _ in range(5)]
    api.post("Observation", observation())
    page = api.get("Patient/_history?_count=2")
    seen = list(page.ids)
    while url := page.link("next"):
        page = api.get(url)
        seen += page.ids
    assert seen == made[::-1]
    whole = api.get("_history")
    assert len(whole.entries) == 6
    since = api.get("_history?_since=2999-01-01T00:00:00Z")
    assert since.entries == []
    assert api.get("_history?_before=2020").status == 400


@pytest.mark.parametrize("condition", ["identifier=http://hospital.example/mrn|M-1"])
def test_a_conditional_create_makes_one(api, condition):
    first = api.post("Patient", patient(), If_None_Exist=condition)
    again = api.post("Patient", patient(), If_None_Exist=condition)
    assert (first.status, again.status) == (201, 200)
    assert again.body["id"] == first.body["id"]
    api.post("Patient", patient())
    assert api.post("Patient", patient(), If_None_Exist=condition).status == 412


def test_conditional_update_and_delete(api):
    address = "Patient?identifier=http://hospital.example/mrn|M-1"
    first = api.put(address, patient())
    second = api.put(address, patient(gender="male"))
    assert (first.status, second.status) == (201, 200)
    assert second.body["id"] == first.body["id"]
    assert api.delete(address).status == 204
    assert api.get(f"Patient/{first.body['id']}").status == 410
    assert api.delete("Patient").status == 400


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("{", 400),
        (" ", 400),
        ("[]", 400),
        ("null", 400),
        ('{"resourceType": "Observation"}', 400),
        ('{"resourceType": "Patient", "resourceType": "Patient"}', 400),
        ('{"resourceType": "Patient", "multipleBirthInteger": NaN}', 400),
        ("[" * 100_000, 400),
        ('{"a":' * 100_000, 400),
        (b"\xff\xfe", 400),
        ('{"resourceType": "Patient", "name": [{"family": "\\ud800"}]}', 422),
        ('{"resourceType": "Patient", "name": [{"family": "a\\u0000b"}]}', 422),
        (
            '{"resourceType": "Patient", "extension": ['
            + '{"extension": [' * 200
            + "]}" * 200
            + "]}",
            422,
        ),
    ],
)
def test_bodies_that_are_no_resource(api, body, status):
    refused = api.post("Patient", body)
    assert refused.status == status, refused.text
    assert refused.issues
    assert Resource.objects.count() == 0


def test_other_media_types_are_refused(api, zhao):
    assert api.post("Patient", "<Patient/>", kind="application/fhir+xml").status == 415
    assert api.post("Patient", "x", kind="text/plain").status == 415
    assert api.get("Patient/zhao", Accept="application/fhir+xml").status == 406
    assert api.get("Patient/zhao?_format=xml").status == 406
    for good in (
        "application/json",
        "application/fhir+json; fhirVersion=4.0",
        "text/html, */*;q=0.1",
    ):
        assert api.get("Patient/zhao", Accept=good).status == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "Spaceship", 404),
        ("GET", "Patient/nobody", 404),
        ("GET", "Patient/zhao/_history/9", 404),
        ("GET", "Patient/zhao/_history/x", 404),
        ("GET", "Patient/zhao/what/is/this", 404),
        ("GET", "Patient/nobody/_history", 404),
        ("GET", "$everything", 404),
        ("PATCH", "Patient/zhao", 415),
        ("PATCH", "Patient/zhao/_history", 405),
        ("DELETE", "", 405),
        ("POST", "metadata", 405),
        ("PUT", "Patient/zhao/_history/1", 405),
    ],
)
def test_every_refusal_is_an_operation_outcome(api, zhao, method, path, status):
    refused = api.send(method, path)
    assert refused.status == status
    assert refused.issues
    assert refused.headers["Content-Type"] == "application/fhir+json"
    assert ("Allow" in refused.headers) == (status == 405)


def test_an_error_of_ours_says_nothing_of_the_data(api, monkeypatch, caplog):
    def fail(*args, **more):
        raise RuntimeError("Zhao 1974-12-25")

    monkeypatch.setattr("records.validate.check", fail)
    refused = api.post("Patient", patient())
    assert refused.status == 500
    assert "Zhao" not in refused.text + caplog.text


def test_strangers_read_metadata_only(api, monkeypatch):
    auth.register(lambda request: None)
    refused = api.get("Patient/zhao")
    assert refused.status == 401
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")
    assert refused.issues
    stated = api.get("metadata")
    assert stated.body["fhirVersion"] == "4.0.1"
    kinds = [resource["type"] for resource in stated.body["rest"][0]["resource"]]
    assert "Patient" in kinds
    assert api.get(".well-known/smart-configuration").status == 404
    auth.register(lambda request: None, smart_configuration=lambda request: {"issuer": "x"})
    assert api.get(".well-known/smart-configuration").body == {"issuer": "x"}


def test_scopes_are_checked_for_each_interaction(api, zhao, bundle_of):
    reader = partner("system/Task.rs")
    access.grant(to=reader.reference, resources=["Patient/zhao"], why="r")
    assert api.get("Patient/zhao", by=reader).status == 403
    assert api.post("Task", task(), by=reader).status == 403
    assert api.get("Task", by=reader).status == 200
    assert api.get("Task", by=partner("system/Task.read")).status == 200
    assert api.get("Task", by=partner("system/Task.cruds?code=x")).ids == []
    bundle = bundle_of(("GET", "Task", None), ("GET", "Patient/zhao", None))
    assert api.post("", bundle, by=reader).status == 403
    bundle["type"] = "batch"
    answers = api.post("", bundle, by=reader).entries
    assert [answer["response"]["status"][:3] for answer in answers] == ["200", "403"]


def test_a_token_does_not_ask_about_types_that_it_does_not_open(api, zhao):
    api.post("Observation", observation())
    reader = partner("system/Patient.rs")
    access.grant(to=reader.reference, patient="Patient/zhao", why="r")
    for query in (
        "Patient?_has:Observation:patient:code=8867-4",
        "Patient?_has:Observation:patient:_id=x",
        "Patient?organization:Organization.name=y",
    ):
        assert api.get(query, by=reader).status == 403, query
    wide = partner("system/Patient.rs", "system/Observation.s")
    access.grant(to=wide.reference, patient="Patient/zhao", why="w")
    assert api.get("Patient?_has:Observation:patient:code=8867-4", by=wide).ids == ["zhao"]


def test_an_id_with_a_nul_is_nobodys(api, zhao):
    for path in ("Patient/\0", "Patient/\0/_history", "Patient/\0/_history/1"):
        assert api.get(path).status == 404
    batch = {"request": {"method": "GET", "url": "Patient/a\0b"}}
    body = {"resourceType": "Bundle", "type": "batch", "entry": [batch]}
    assert api.post("", body).entries[0]["response"]["status"] == "404 Not Found"


@pytest.mark.parametrize("role", ["cashier", "admin", "auditor"])
def test_who_does_not_treat_patients_sees_no_clinical_record(api, zhao, role):
    seen = api.post("Observation", observation()).body["id"]
    clerk = Principal("Practitioner/han", institution=NORTH, roles=frozenset({role}))
    access.grant(to=clerk.reference, patient="Patient/zhao", why="r")
    assert api.get("Patient/zhao", by=clerk).status == 200
    assert api.get(f"Observation/{seen}", by=clerk).status == 404
    assert api.get(f"Observation/{seen}/_history/1", by=clerk).status == 404
    assert api.get("Observation", by=clerk).ids == []
    assert api.get("Patient?_revinclude=Observation:patient", by=clerk).ids == ["zhao"]
    assert api.get("Patient?_has:Observation:patient:code=8867-4", by=clerk).ids == []
    assert {e["resource"]["resourceType"] for e in api.get("_history", by=clerk).entries} == {
        "Patient"
    }
    pharmacist = Principal("Practitioner/t", institution=NORTH, roles=frozenset({"pharmacist"}))
    assert api.get(f"Observation/{seen}", by=pharmacist).status == 200


def test_partners_change_what_is_theirs_or_granted_for_writing(api):
    ours = api.post("Task", task(id="x")).body["id"]
    other = partner()
    body = task(id=ours, status="accepted")
    assert api.put(f"Task/{ours}", body, by=other).status == 404
    access.grant(to=other.reference, resources=[f"Task/{ours}"], why="r")
    assert api.put(f"Task/{ours}", body, by=other, If_Match='W/"1"').status == 403
    access.grant(to=other.reference, resources=[f"Task/{ours}"], why="r", write=True)
    assert api.put(f"Task/{ours}", body, by=other).status == 412
    assert api.put(f"Task/{ours}", body, by=other, If_Match='W/"1"').status == 200
    theirs = api.post("Task", task(), by=other)
    assert theirs.status == 201
    assert api.get(f"Task/{theirs.body['id']}").status == 404
    assert api.put(f"Task/{theirs.body['id']}", theirs.body, by=other).status == 200


def test_patients_read_and_do_not_write(api, zhao):
    assert api.get("Patient/zhao", by=MR_ZHAO).status == 200
    assert api.post("Observation", observation(), by=MR_ZHAO).status == 403
    assert api.put("Patient/zhao", patient(id="zhao"), by=MR_ZHAO).status == 403
    assert api.delete("Patient/zhao", by=MR_ZHAO).status == 403


def test_another_institutions_resources_cannot_be_found_in_any_way(api, zhao):
    mine = api.post("Observation", observation()).body["id"]
    for path in (
        "Patient/zhao",
        "Patient/zhao/_history",
        "Patient/zhao/_history/1",
        "Patient/zhao/Observation",
        f"Observation/{mine}",
    ):
        assert api.get(path, by=DR_SUN).status == 404, path
    for path in ("Observation", "Observation?patient=zhao", "Patient?identifier=M-1", "_history"):
        assert api.get(path, by=DR_SUN).entries == [], path
    assert api.get("Patient?_summary=count", by=DR_SUN).body["total"] == 0
    theirs = store.create("Observation", observation(), by=DR_SUN).id
    page = api.get("Observation?_include=Observation:subject", by=DR_SUN)
    assert page.ids == [theirs]
    assert api.get("Observation?patient.family=zhao", by=DR_SUN).entries == []
    assert api.get("Observation?patient.family=zhao").ids == [mine]
    assert api.get("Patient?_revinclude=Observation:subject").ids == ["zhao", mine]
    assert api.put("Patient/zhao", patient(id="zhao"), by=DR_SUN).status == 404


def test_a_hook_hears_of_writes_and_may_refuse_them(api, monkeypatch):
    heard = []

    def hear(change):
        heard.append((change.before and change.before["status"], change.after["status"]))
        if change.after["status"] == "completed":
            raise Refused("a requested task cannot be completed")

    monkeypatch.setattr(hooks, "_hooks", type(hooks._hooks)(list))
    hooks.on_write("Task", hear)
    made = api.post("Task", task()).body["id"]
    store.update("Task", made, task(status="accepted"), by=DR_LIN)
    assert heard == [(None, "requested")]
    refused = api.put(f"Task/{made}", task(id=made, status="completed"))
    assert (refused.status, refused.issues[0][0]) == (422, "business-rule")
    assert heard[-1] == ("accepted", "completed")
    assert api.get(f"Task/{made}").body["status"] == "accepted"


def test_a_huge_body_is_refused(api, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    refused = api.post("Patient", patient(text={"status": "empty", "div": "x" * 2000}))
    assert (refused.status, refused.issues[0][0]) == (413, "too-long")


def test_created_by_staff_is_kept_by_their_institution(api):
    made = api.post("Patient", patient()).body["id"]
    assert Resource.objects.get(logical_id=made).institution == NORTH
