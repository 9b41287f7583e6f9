"""PATCH changes what it names and nothing else; the resource is validated like an update."""

from decimal import Decimal

import pytest

from records import access, store
from tests.records.cast import DR_LIN, DR_SUN, observation, partner, patient, task

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]

JSON_PATCH = "application/json-patch+json"


@pytest.fixture
def zhao(api):
    return api.put("Patient/zhao", patient(id="zhao"))


def change(api, address, *operations, **more):
    return api.send("PATCH", address, list(operations), kind=JSON_PATCH, **more)


def replace(path, value):
    return {"op": "replace", "path": path, "value": value}


def test_a_json_patch_makes_the_next_version(api, zhao):
    done = change(
        api,
        "Patient/zhao",
        {"op": "test", "path": "/gender", "value": "female"},
        replace("/gender", "male"),
        {"op": "add", "path": "/name/0/given/-", "value": "Li"},
        {"op": "remove", "path": "/telecom"},
        {"op": "copy", "from": "/name/0", "path": "/name/1"},
        {"op": "move", "from": "/name/1/use", "path": "/name/1/text"},
    )
    assert (done.status, done.headers["ETag"]) == (200, 'W/"2"'), done.text
    found = api.get("Patient/zhao").body
    assert found["gender"] == "male"
    assert [name.get("text") for name in found["name"]] == ["赵安娜", "official"]
    assert found["name"][0]["given"] == ["Anna", "Maria", "Li"]
    assert "telecom" not in found
    assert found["meta"]["versionId"] == "2"
    past = api.get("Patient/zhao/_history")
    assert [entry["request"]["method"] for entry in past.entries] == ["PUT", "PUT"]


def test_decimals_that_a_patch_does_not_touch_keep_their_text(api):
    made = store.create("Observation", observation(value=Decimal("72.50")), by=DR_LIN).id
    same = {"op": "test", "path": "/valueQuantity/value", "value": Decimal("72.5")}
    assert change(api, f"Observation/{made}", same, replace("/status", "amended")).status == 200
    assert '"value":72.50' in api.get(f"Observation/{made}").text
    more = replace("/valueQuantity/value", Decimal("1.00"))
    assert '"value":1.00' in change(api, f"Observation/{made}", more).text


def test_a_test_that_fails_changes_nothing_and_says_which(api, zhao):
    refused = change(
        api,
        "Patient/zhao",
        replace("/gender", "male"),
        {"op": "test", "path": "/birthDate", "value": "1999-09-09"},
    )
    assert refused.status == 422
    assert refused.body["issue"][0]["expression"] == ["operation[1]"]
    assert "test failed: /birthDate" in refused.issues[0][1]
    assert "1974" not in refused.text
    assert api.get("Patient/zhao").headers["ETag"] == 'W/"1"'


@pytest.mark.parametrize(
    ("operation", "status"),
    [
        ({"op": "test", "path": "/active", "value": 1}, 422),
        ({"op": "remove", "path": "/nothing"}, 422),
        ({"op": "replace", "path": "/name/7/family", "value": "x"}, 422),
        ({"op": "add", "path": "/name/9", "value": {"family": "x"}}, 422),
        ({"op": "add", "path": "/gender/x", "value": "x"}, 422),
        ({"op": "remove", "path": ""}, 422),
        ({"op": "replace", "path": "", "value": 7}, 422),
        ({"op": "move", "from": "/name", "path": "/name/0/given"}, 422),
        ({"op": "copy", "from": "/nothing", "path": "/gender"}, 422),
        ({"op": "remove", "path": "/name/" + "9" * 5000}, 422),
        ({"op": "append", "path": "/gender", "value": "x"}, 400),
        ({"op": "add", "path": "gender", "value": "x"}, 400),
        ({"op": "add", "path": "/gender"}, 400),
        ({"op": "copy", "path": "/gender"}, 400),
        ({"op": ["add"], "path": "/gender", "value": "x"}, 400),
        ({"path": "/gender", "value": "x"}, 400),
        ("remove", 400),
    ],
)
def test_operations_that_cannot_be(api, zhao, operation, status):
    refused = change(api, "Patient/zhao", operation)
    assert refused.status == status, refused.text
    assert refused.body["issue"][0].get("expression", ["operation[0]"]) == ["operation[0]"]
    assert api.get("Patient/zhao").headers["ETag"] == 'W/"1"'


@pytest.mark.parametrize("body", ["{", "{}", "null", '"x"', "[" * 50_000])
def test_what_is_no_patch(api, zhao, body):
    assert api.send("PATCH", "Patient/zhao", body, kind=JSON_PATCH).status == 400


def test_a_patch_cannot_grow_without_bound(api, zhao):
    doubling = {"op": "copy", "from": "/name", "path": "/name/-"}
    refused = change(api, "Patient/zhao", *[doubling] * 60)
    assert (refused.status, "1 MB" in refused.text) == (422, True)
    assert change(api, "Patient/zhao", *[replace("/gender", "male")] * 1001).status == 400


@pytest.mark.parametrize(
    ("operation", "path"),
    [
        (replace("/id", "other"), "Patient.id"),
        (replace("/resourceType", "Person"), "Patient.resourceType"),
        ({"op": "remove", "path": "/id"}, "Patient.id"),
        (replace("/gender", "bogus"), "Patient.gender"),
        ({"op": "add", "path": "/name/0/famly", "value": "x"}, "Patient.name[0].famly"),
    ],
)
def test_what_comes_out_is_validated(api, zhao, operation, path):
    refused = change(api, "Patient/zhao", operation)
    assert refused.status == 422
    assert refused.body["issue"][0]["expression"] == [path]
    assert api.get("Patient/zhao/_history").body["entry"][1:] == []


def test_other_media_types_are_no_patch(api, zhao):
    for kind in ("application/json", "application/merge-patch+json", "text/plain"):
        assert api.send("PATCH", "Patient/zhao", "[]", kind=kind).status == 415


def test_if_match_guards_a_patch(api, zhao):
    male = replace("/gender", "male")
    assert change(api, "Patient/zhao", male, If_Match='W/"7"').status == 412
    assert change(api, "Patient/zhao", male, If_Match='W/"1"').status == 200
    assert change(api, "Patient/zhao", male, If_Match="*").status == 200


def test_a_conditional_patch_finds_the_one(api, zhao):
    address = "Patient?identifier=http://hospital.example/mrn|M-1"
    assert change(api, address, replace("/gender", "male")).body["id"] == "zhao"
    assert change(api, "Patient?identifier=nobody", replace("/gender", "male")).status == 404
    assert change(api, "Patient", replace("/gender", "male")).status == 400
    api.post("Patient", patient())
    assert change(api, address, replace("/gender", "other")).status == 412


def test_what_is_not_there_or_not_ours_is_not_patched(api, zhao):
    male = replace("/gender", "male")
    assert change(api, "Patient/nobody", male).status == 404
    assert change(api, "Patient/zhao", male, by=DR_SUN).status == 404
    assert change(api, "Patient/zhao", male, by=DR_SUN, If_Match='W/"9"').status == 404
    api.delete("Patient/zhao")
    assert change(api, "Patient/zhao", male).status == 410
    assert change(api, "Patient/zhao", male, by=DR_SUN).status == 404


def test_partners_patch_what_scopes_and_grants_open(api):
    ours = api.post("Task", task()).body["id"]
    accept = replace("/status", "accepted")
    other = partner()
    access.grant(to=other.reference, resources=[f"Task/{ours}"], why="r")
    assert change(api, f"Task/{ours}", accept, by=other, If_Match='W/"1"').status == 403
    access.grant(to=other.reference, resources=[f"Task/{ours}"], why="r", write=True)
    assert change(api, f"Task/{ours}", accept, by=other).status == 412
    assert change(api, f"Task/{ours}", accept, by=partner("system/Task.rs")).status == 403
    assert change(api, f"Task/{ours}", accept, by=other, If_Match='W/"1"').status == 200
    assert store.read("Task", ours, by=DR_LIN).body["status"] == "accepted"


def part(name, **value):
    return {"name": name, **value}


def operation(type_, path, *more, **numbers):
    parts = [part("type", valueCode=type_), part("path", valueString=path), *more]
    parts += [part(name, valueInteger=number) for name, number in numbers.items()]
    return {"name": "operation", "part": parts}


def add(path, name, value):
    return operation("add", path, part("name", valueString=name), value)


def fhirpath(api, address, *operations, **more):
    body = {"resourceType": "Parameters", "parameter": list(operations)}
    return api.send("PATCH", address, body, **more)


BASE = "http://x.example/"


def test_a_fhirpath_patch_adds_inserts_moves_replaces_and_deletes(api, zhao):
    done = fhirpath(
        api,
        "Patient/zhao",
        add("Patient", "maritalStatus", part("value", valueCodeableConcept={"text": "married"})),
        add("Patient.name[0]", "given", part("value", valueString="Li")),
        operation("insert", "Patient.name[0].given", part("value", valueString="An"), index=0),
        operation("move", "Patient.name[0].given", source=3, destination=1),
        operation("replace", "Patient.gender", part("value", valueCode="male")),
        operation("delete", "Patient.telecom"),
        operation("delete", "Patient.photo"),
        add("Patient", "deceased", part("value", valueBoolean=False)),
    )
    assert (done.status, done.headers["ETag"]) == (200, 'W/"2"'), done.text
    found = api.get("Patient/zhao").body
    assert found["name"][0]["given"] == ["An", "Li", "Anna", "Maria"]
    assert found["maritalStatus"] == {"text": "married"}
    assert found["gender"] == "male"
    assert found["deceasedBoolean"] is False
    assert "telecom" not in found


def test_elements_without_a_type_of_their_own_come_in_parts(api, zhao):
    contact = part(
        "value",
        part=[
            part("name", valueHumanName={"text": "Zhào Bo"}),
            part("relationship", valueCodeableConcept={"text": "son"}),
            part("relationship", valueCodeableConcept={"text": "carer"}),
        ],
    )
    done = fhirpath(api, "Patient/zhao", add("Patient", "contact", contact))
    assert done.body["contact"] == [
        {
            "name": {"text": "Zhào Bo"},
            "relationship": [{"text": "son"}, {"text": "carer"}],
        }
    ]
    fewer = fhirpath(
        api,
        "Patient/zhao",
        operation("delete", "Patient.contact[0].name"),
        operation("delete", "Patient.contact[0].relationship[1]"),
        operation("delete", "Patient.contact[0].relationship[0]"),
    )
    assert (fewer.status, fewer.body.get("contact")) == (200, None)


def test_choices_change_their_type_and_decimals_keep_their_text(api):
    made = api.post("Observation", observation()).body["id"]
    value = part("value", valueQuantity={"value": Decimal("1.50"), "unit": "x"})
    done = fhirpath(api, f"Observation/{made}", operation("replace", "Observation.value", value))
    assert '"valueQuantity":{"value":1.50,' in done.text
    text = part("value", valueString="high")
    done = fhirpath(api, f"Observation/{made}", operation("replace", "Observation.value", text))
    assert done.body["valueString"] == "high"
    assert "valueQuantity" not in done.body
    again = fhirpath(api, f"Observation/{made}", add("Observation", "value", value))
    assert (again.status, again.issues[0][1].endswith("is there already")) == (422, True)


def test_extensions_beside_primitives_move_with_them(api, zhao):
    known = {"extension": [{"url": f"{BASE}known", "valueBoolean": True}]}
    done = fhirpath(
        api,
        "Patient/zhao",
        operation(
            "insert",
            "Patient.name[0].given",
            part("value", valueString="An", _valueString=known),
            index=1,
        ),
        operation("move", "Patient.name[0].given", source=1, destination=0),
    )
    name = done.body["name"][0]
    assert (name["given"], name["_given"]) == (["An", "Anna", "Maria"], [known, None, None])
    gone = fhirpath(api, "Patient/zhao", operation("delete", "Patient.name[0].given[0]"))
    assert gone.body["name"][0]["given"] == ["Anna", "Maria"]
    assert "_given" not in gone.body["name"][0]


def test_an_insert_at_the_beginning_makes_a_list(api, zhao):
    name = part("value", valueAddress={"text": "Lane 3"})
    done = fhirpath(api, "Patient/zhao", operation("insert", "Patient.address", name, index=0))
    assert done.body["address"] == [{"text": "Lane 3"}]


@pytest.mark.parametrize(
    ("row", "status"),
    [
        (operation("delete", "Patient.name.given"), 422),
        (operation("delete", "Patient"), 422),
        (operation("replace", "Patient", part("value", valueString="x")), 422),
        (operation("replace", "Patient.photo", part("value", valueString="x")), 422),
        (operation("replace", "1 + 1", part("value", valueString="x")), 422),
        (operation("replace", "Patient.name[", part("value", valueString="x")), 422),
        (add("Patient.photo", "title", part("value", valueString="x")), 422),
        (add("Patient.gender", "x", part("value", valueString="x")), 422),
        (add("Patient", "gender", part("value", valueCode="male")), 422),
        (add("Patient", "famly", part("value", valueString="x")), 422),
        (operation("insert", "Patient.name", part("value", valueHumanName={}), index=7), 422),
        (operation("insert", "Patient.gender", part("value", valueCode="x"), index=0), 422),
        (operation("insert", "Patient.photo", part("value", valueString="x"), index=1), 422),
        (operation("move", "Patient.name", source=0, destination=1), 422),
        (operation("move", "Patient.name", source=-1, destination=0), 422),
        (
            operation("move", "Patient.name.given.where($this = 'Anna')", source=0, destination=0),
            422,
        ),
        (operation("brew", "Patient.name"), 400),
        (operation("add", "Patient"), 400),
        (operation("move", "Patient.name", source=0), 400),
        ({"name": "operation"}, 400),
        ({"name": "other", "part": []}, 400),
        ({"name": "operation", "part": [3]}, 400),
        ({"name": "operation", "part": [part("type", valueCode="delete"), part("path")]}, 400),
        ({"name": "operation", "part": [part("type", part=[]), part("path", part=[3])]}, 400),
        (operation("delete", "Patient.name", part("path", valueString="Patient.gender")), 400),
        (operation("delete", "Patient.telecom" + ".where(true)" * 5000), 422),
        ("x", 400),
    ],
)
def test_fhirpath_operations_that_cannot_be(api, zhao, row, status):
    refused = fhirpath(api, "Patient/zhao", row)
    assert refused.status == status, refused.text
    where = refused.body["issue"][0]["expression"][0]
    assert where.startswith("Parameters.parameter[0]")
    assert api.get("Patient/zhao").headers["ETag"] == 'W/"1"'


def test_a_fhirpath_patch_in_a_bundle_has_its_references_resolved(api, zhao, bundle_of):
    urn = "urn:uuid:00000000-0000-4000-8000-000000000000"
    doctor = {"resourceType": "Practitioner", "name": [{"text": "Lin"}]}
    row = add("Patient", "generalPractitioner", part("value", valueReference={"reference": urn}))
    patch = {"resourceType": "Parameters", "parameter": [row]}
    bundle = bundle_of(("PATCH", "Patient/zhao", patch), ("POST", "Practitioner", doctor))
    bundle["entry"][1]["fullUrl"] = urn
    done = api.post("", bundle, Prefer="return=representation")
    made = done.entries[1]["resource"]["id"]
    assert done.entries[0]["resource"]["generalPractitioner"] == [
        {"reference": f"Practitioner/{made}"}
    ]
    row["part"][1]["valueString"] = "Patient.photo"
    refused = api.post("", bundle_of(("PATCH", "Patient/zhao", patch)))
    assert refused.status == 422


def test_what_is_no_fhirpath_patch(api, zhao):
    for body in ({"resourceType": "Patient"}, {"resourceType": "Parameters"}, {}):
        assert api.send("PATCH", "Patient/zhao", body).status == 400
