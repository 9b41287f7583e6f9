"""What FHIR R4 refuses is refused, with the path; what it allows is kept."""

from decimal import Decimal
from pathlib import Path

import pytest

from kernel.errors import Invalid
from records import jsontext, validate
from records.definitions import types
from records.kinds import KINDS
from records.search.parameters import index_rows
from tests.records.cast import observation, patient, task

EXAMPLES = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "fhir" / "examples"
# The official example names an Encounter, which the official definition does not allow there.
WRONG_EXAMPLES = {"Observation-clinical-gender.json": "Observation.performer[0].reference"}


def obs(**more):
    return observation() | more


def nested(depth):
    inner = {"url": "x", "valueString": "x"}
    for _ in range(depth):
        inner = {"url": "x", "extension": [inner]}
    return inner | {"url": "http://example.org/x"}


def div(inside):
    return {
        "status": "generated",
        "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{inside}</div>',
    }


PERSON = {"resourceType": "Practitioner", "id": "p"}

REFUSED = {
    "wrong reference type": (
        obs(subject={"reference": "Medication/1"}),
        "Observation.subject.reference",
    ),
    "absolute reference of a wrong type": (
        obs(subject={"reference": "http://x.example/fhir/Medication/1"}),
        "Observation.subject.reference",
    ),
    "status bogus": (obs(status="bogus"), "Observation.status"),
    "gender bogus": (patient(gender="bogus"), "Patient.gender"),
    "intent bogus": (task(intent="bogus"), "Task.intent"),
    "name use bogus": (patient(name=[{"use": "bogus", "family": "x"}]), "Patient.name[0].use"),
    "bound concept": (
        {
            "resourceType": "Condition",
            "subject": {"reference": "Patient/1"},
            "clinicalStatus": {"coding": [{"system": "x:y", "code": "bogus"}]},
        },
        "Condition.clinicalStatus.coding[0].code",
    ),
    "unknown element": (patient(famly="x"), "Patient.famly"),
    "unknown nested element": (patient(name=[{"famly": "x"}]), "Patient.name[0].famly"),
    "missing required": ({"resourceType": "Observation", "status": "final"}, "Observation.code"),
    "array for one": (obs(subject=[{"reference": "Patient/1"}]), "Observation.subject"),
    "one for array": (patient(name={"family": "x"}), "Patient.name"),
    "two values": (obs(valueString="x"), "Observation"),
    "two deceased": (patient(deceasedBoolean=True, deceasedDateTime="2020"), "Patient"),
    "empty object": (patient(name=[{}]), "Patient.name[0]"),
    "empty array": (patient(name=[]), "Patient.name"),
    "null": (patient(name=None), "Patient.name"),
    "null scalar": (patient(gender=None), "Patient.gender"),
    "null in array": (patient(name=[{"given": [None, "x"]}]), "Patient.name[0].given[0]"),
    "empty string": (patient(name=[{"family": ""}]), "Patient.name[0].family"),
    "blank string": (patient(name=[{"family": "  "}]), "Patient.name[0].family"),
    "impossible date": (patient(birthDate="2020-13-45"), "Patient.birthDate"),
    "time without zone": (
        obs(effectiveDateTime="2020-01-01T10:00:00"),
        "Observation.effectiveDateTime",
    ),
    "hours only": (obs(effectiveDateTime="2020-01-01T10Z"), "Observation.effectiveDateTime"),
    "instant without zone": (obs(issued="2020-01-01T10:00:00"), "Observation.issued"),
    "id too long": (patient(id="x" * 65), "Patient.id"),
    "id with a space": (patient(id="a b"), "Patient.id"),
    "boolean as string": (patient(active="true"), "Patient.active"),
    "boolean as number": (patient(active=1), "Patient.active"),
    "integer as string": (patient(multipleBirthInteger="2"), "Patient.multipleBirthInteger"),
    "string as number": (patient(name=[{"family": 3}]), "Patient.name[0].family"),
    "rank 0": (
        patient(telecom=[{"system": "phone", "value": "1", "rank": 0}]),
        "Patient.telecom[0].rank",
    ),
    "decimal as string": (obs(valueQuantity={"value": "72.5"}), "Observation.valueQuantity.value"),
    "code with spaces": (obs(status=" final"), "Observation.status"),
    "uri with a space": (
        patient(identifier=[{"system": "a b", "value": "1"}]),
        "Patient.identifier[0].system",
    ),
    "bad base64": (patient(photo=[{"contentType": "a/b", "data": "!!!"}]), "Patient.photo[0].data"),
    "short base64": (
        patient(photo=[{"contentType": "a/b", "data": "abc"}]),
        "Patient.photo[0].data",
    ),
    "extension without url": (
        patient(extension=[{"valueString": "x"}]),
        "Patient.extension[0].url",
    ),
    "extension with value and nested": (
        patient(extension=[nested(1) | {"valueString": "x"}]),
        "Patient.extension[0]",
    ),
    "extension with two values": (
        patient(extension=[{"url": "http://x.example", "valueString": "x", "valueCode": "y"}]),
        "Patient.extension[0]",
    ),
    "extension with nothing": (
        patient(extension=[{"url": "http://x.example"}]),
        "Patient.extension[0]",
    ),
    "extension with a relative url": (
        patient(extension=[{"url": "x", "valueString": "x"}]),
        "Patient.extension[0].url",
    ),
    "script": (patient(text=div("<script>alert(1)</script>")), "Patient.text.div"),
    "handler": (patient(text=div('<b onclick="x()">a</b>')), "Patient.text.div"),
    "acting address": (patient(text=div('<a href=" javascript:x()">a</a>')), "Patient.text.div"),
    "entity": (
        patient(text={"status": "empty", "div": '<!DOCTYPE d [<!ENTITY a "b">]><div>&a;</div>'}),
        "Patient.text.div",
    ),
    "narrative is not xhtml": (
        patient(text={"status": "empty", "div": "hello"}),
        "Patient.text.div",
    ),
    "narrative says nothing": (patient(text=div(" ")), "Patient.text.div"),
    "contained in contained": (
        patient(contained=[PERSON | {"contained": [PERSON]}]),
        "Patient.contained[0].contained",
    ),
    "contained without id": (
        patient(contained=[{"resourceType": "Practitioner"}]),
        "Patient.contained[0].id",
    ),
    "contained of no type": (
        patient(contained=[{"resourceType": "Spaceship", "id": "x"}]),
        "Patient.contained[0].resourceType",
    ),
    "contained is invalid": (
        patient(contained=[PERSON | {"gender": "x"}]),
        "Patient.contained[0].gender",
    ),
    "missing contained": (
        patient(generalPractitioner=[{"reference": "#nobody"}]),
        "Patient.generalPractitioner[0].reference",
    ),
    "pat-1": (patient(contact=[{"gender": "male"}]), "Patient.contact[0]"),
    "obs-6": (obs(dataAbsentReason={"text": "x"}), "Observation"),
    "per-1": (
        patient(name=[{"period": {"start": "2021", "end": "2020"}}]),
        "Patient.name[0].period",
    ),
    "qty-3": (obs(valueQuantity={"value": 1, "code": "kg"}), "Observation.valueQuantity"),
    "cpt-2": (patient(telecom=[{"value": "1"}]), "Patient.telecom[0]"),
    "entry of no type": (
        {
            "resourceType": "Bundle",
            "type": "document",
            "entry": [{"resource": {"resourceType": "X"}}],
        },
        "Bundle.entry[0].resource.resourceType",
    ),
    "entry is invalid": (
        {
            "resourceType": "Bundle",
            "type": "collection",
            "entry": [{"resource": patient(active="x")}],
        },
        "Bundle.entry[0].resource.active",
    ),
    "1.2 MB": (patient(name=[{"family": "x" * 1_200_000}]), "Patient.name[0].family"),
    "extensions 200 deep": (patient(extension=[nested(200)]), None),
    "R4B target": (obs(subject={"reference": "Organization/1"}), "Observation.subject.reference"),
}

ALLOWED = {
    "plain patient": patient(),
    "plain observation": obs(),
    "partial date": patient(birthDate="1974-12"),
    "null beside _given": patient(
        name=[
            {
                "given": [None, "x"],
                "_given": [{"extension": [{"url": "http://x.example", "valueCode": "y"}]}, None],
            }
        ]
    ),
    "lone _birthDate": {
        "resourceType": "Patient",
        "_birthDate": {"extension": [{"url": "http://x.example", "valueString": "x"}]},
    },
    "only status extension": {
        "resourceType": "Observation",
        "_status": {"extension": [{"url": "http://x.example", "valueCode": "unknown"}]},
        "code": {"text": "x"},
    },
    "precise decimal": obs(valueQuantity={"value": Decimal("72.50"), "unit": "x"}),
    "contained": patient(contained=[PERSON], generalPractitioner=[{"reference": "#p"}]),
    "narrative": patient(text=div("<p>a&nbsp;b<br/><b>c</b></p>")),
    "nested extensions": patient(extension=[nested(20)]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_the_path(name):
    body, path = REFUSED[name]
    with pytest.raises(Invalid) as refused:
        validate.check(body)
    paths = [where for where, _ in refused.value.issues]
    assert path is None or paths[0] == path, refused.value.issues


@pytest.mark.parametrize("name", ALLOWED)
def test_allowed(name):
    body = ALLOWED[name]
    validate.check(body)
    assert index_rows(body["resourceType"], body) is not None


def test_the_tables_know_every_served_type():
    for kind in KINDS:
        assert "meta" in types()[kind]


def test_paths_begin_where_they_are_told():
    with pytest.raises(Invalid) as refused:
        validate.check(patient(name=[{"famly": "x"}]), "Bundle.entry[3].resource")
    assert refused.value.issues[0][0] == "Bundle.entry[3].resource.name[0].famly"


@pytest.mark.skipif(not EXAMPLES.exists(), reason="the official examples are not on this machine")
def test_the_official_examples_are_allowed():
    seen = 0
    for path in sorted(EXAMPLES.glob("*.json")):
        body = jsontext.loads(path.read_bytes())
        if body.get("resourceType") not in KINDS:
            continue
        seen += 1
        if path.name in WRONG_EXAMPLES:
            with pytest.raises(Invalid) as refused:
                validate.check(body)
            assert refused.value.issues[0][0] == WRONG_EXAMPLES[path.name]
        else:
            validate.check(body)
            index_rows(body["resourceType"], body)
    assert seen > 250
