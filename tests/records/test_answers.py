"""What the API answers is FHIR R4: a validator that others wrote (fhirkit-rs) finds no error.

It knows structure and formats; codes and invariants are seen to by our own.
"""

import fhirkit
import pytest

from kernel.principal import SYSTEM
from records import jsontext, store
from records.profiles.definitions import publish
from records.validation.walk import issues_of
from tests.records.cast import DR_LIN, observation, partner, patient, task

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]


def errors(text):
    body = jsontext.load_object(text)
    theirs = [f"{i.path}: {i.message}" for i in fhirkit.validate(text) if i.severity == "error"]
    return theirs or [f"{i.path}: {i.says}" for i in issues_of(body, body["resourceType"])]


@pytest.fixture
def ward(api):
    """A patient with a past: versions, a deletion, references."""
    publish()
    store.create("Patient", patient(), by=DR_LIN, id="zhao")
    store.update("Patient", "zhao", patient(active=True), by=DR_LIN)
    store.create("Observation", observation(), by=DR_LIN, id="pulse")
    store.create("Task", task(), by=DR_LIN, id="task")
    store.delete("Task", "task", by=DR_LIN)
    return api


READS = """
metadata
Patient
Patient?_summary=count
Patient?_summary=true
Patient?_elements=name
Patient?identifier=nothing
Patient?_total=accurate&_count=1
Observation?_include=Observation:subject&patient=zhao
Patient?_revinclude=Observation:subject&_sort=-_lastUpdated
?_type=Patient,Observation
Patient/zhao
Patient/zhao/_history/1
Patient/zhao/_history
Patient/_history?_count=1
_history
Task/task/_history
Patient/zhao/Observation
Patient/zhao/$everything
Patient/zhao/$meta
Patient/zhao/$validate
StructureDefinition/tongzhen-patient
ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/administrative-gender
CodeSystem/$lookup?system=http://hl7.org/fhir/administrative-gender&code=male
Task/task
Patient/nobody
Patient?bogus=1
Patient?birthdate=x
Nothing
Patient/zhao/$nothing
""".strip().splitlines()


@pytest.mark.parametrize("address", READS)
def test_a_read_answers_fhir(ward, address):
    answer = ward.get(address)
    assert answer.text
    assert errors(answer.text) == []


@pytest.mark.parametrize(
    ("method", "address", "body"),
    [
        ("POST", "Patient", patient(gender="bogus", name=[{"famly": "x"}], contact=[{}])),
        ("POST", "Patient", "{"),
        ("POST", "Patient", '{"resourceType":"Patient","active":NaN}'),
        ("PUT", "Patient/zhao", patient(id="qian")),
        ("PUT", "Nothing/x", patient()),
        ("DELETE", "Patient/nobody", None),
        ("POST", "Patient/$validate", patient(gender="bogus")),
        ("POST", "Patient", patient()),
    ],
)
@pytest.mark.parametrize("wish", ["return=representation", "return=OperationOutcome"])
def test_a_write_answers_fhir(ward, method, address, body, wish):
    answer = ward.send(method, address, body, Prefer=wish)
    assert answer.text
    assert errors(answer.text) == []


def test_a_refusal_of_access_answers_fhir(ward):
    reader = partner("system/Patient.rs")
    refused = ward.post("Patient", patient(), by=reader)
    assert refused.status == 403
    assert errors(refused.text) == []


@pytest.mark.parametrize("wish", ["return=minimal", "return=representation"])
@pytest.mark.parametrize("type_", ["batch", "transaction"])
def test_a_bundle_answers_fhir(ward, bundle_of, type_, wish):
    bundle = bundle_of(
        ("POST", "Patient", patient()),
        ("PUT", "Patient/zhao", patient(id="zhao")),
        ("GET", "Patient/zhao", None),
        ("GET", "Patient?name=x", None),
        ("DELETE", "Observation/pulse", None),
        type_=type_,
    )
    if type_ == "batch":
        bundle["entry"].append({"request": {"method": "GET", "url": "Patient/nobody"}})
    answer = ward.post("", bundle, Prefer=wish, by=SYSTEM)
    assert answer.status == 200, answer.text
    assert answer.body["type"] == f"{type_}-response"
    assert errors(answer.text) == []


def test_the_validator_does_find_errors():
    assert errors('{"resourceType":"OperationOutcome"}')
    assert errors('{"resourceType":"Bundle","type":"bogus"}')
