"""Every type of search parameter and modifier, with resources made for it."""

import pytest

from tests.records.cast import observation, patient

pytestmark = [pytest.mark.embedded, pytest.mark.django_db]

LOINC, UCUM = "http://loinc.org", "http://unitsofmeasure.org"


def component(code, value, unit="mm[Hg]"):
    return {
        "code": {"coding": [{"system": LOINC, "code": code}]},
        "valueQuantity": {"value": value, "system": UCUM, "code": unit, "unit": unit},
    }


@pytest.fixture
def clinic(api):
    """A pressure of 120 over 80, one of 80 over 120 (a slip), and others of other kinds."""
    pressures = {"right": ("8480-6", 120, "8462-4", 80), "slip": ("8462-4", 120, "8480-6", 80)}
    for name, (first, one, second, two) in pressures.items():
        body = observation(
            id=name, code="85354-9", component=[component(first, one), component(second, two)]
        )
        del body["valueQuantity"]
        api.put(f"Observation/{name}", body)
    api.put("Observation/pulse", observation(id="pulse", value=72))
    below = {"value": 5, "comparator": "<", "system": UCUM, "code": "mg", "unit": "milligram"}
    api.put("Observation/trace", observation(id="trace", code="2", valueQuantity=below))
    said = observation(id="said", code="3")
    del said["valueQuantity"]
    said["valueCodeableConcept"] = {
        "text": "Blood group O",
        "coding": [{"system": "http://snomed.info/sct", "code": "58460004", "display": "Group O"}],
    }
    said["meta"] = {
        "tag": [{"system": "urn:tag", "code": "study"}],
        "profile": ["http://example.org/p|1.2", "http://example.org/q"],
        "security": [{"system": "urn:sec", "code": "R"}],
        "source": "http://example.org/lab/7",
    }
    api.put("Observation/said", said)
    when = observation(id="when", code="4")
    del when["valueQuantity"]
    when["valuePeriod"] = {"start": "2024-01-01", "end": "2024-02-01"}
    api.put("Observation/when", when)
    return api


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (f"component-code-value-quantity={LOINC}|8480-6$120", "right"),
        ("component-code-value-quantity=8480-6$120", "right"),
        ("component-code-value-quantity=8480-6$gt100", "right"),
        (f"component-code-value-quantity=8480-6$lt100|{UCUM}|mm[Hg]", "slip"),
        ("component-code-value-quantity=8480-6$80||mm[Hg],8462-4$80", "right slip"),
        ("component-code-value-quantity=8480-6$120||kPa", ""),
        ("combo-code-value-quantity=8867-4$72", "pulse"),
        ("combo-code-value-quantity=8480-6$120", "right"),
        ("code-value-quantity=8867-4$ge72", "pulse"),
        ("code-value-quantity=8480-6$120", ""),
        (f"code-value-quantity={LOINC}|$72", "pulse"),
        ("code-value-concept=3$http://snomed.info/sct|58460004", "said"),
        ("code-value-concept=4$http://snomed.info/sct|58460004", ""),
        ("code-value-date=4$2024", "when"),
        ("code-value-date=4$gt2024-01-15", "when"),
        ("code-value-date=4$sa2024-02-15", ""),
        ("value-quantity=5", ""),
        ("value-quantity=lt5", "trace"),
        ("value-quantity=eb5", "trace"),
        ("value-quantity=gt4.9", "trace pulse"),
        ("value-quantity=ge5", "pulse"),
        ("value-quantity=ap70", "pulse"),
        ("value-quantity=7.2e1", "pulse"),
        ("value-quantity=lt9||milligram", "trace"),
        ("value-quantity=lt9||mg", "trace"),
        ("value-quantity:missing=false", "pulse trace"),
        ("value-concept:text=blood", "said"),
        ("value-concept:text=group", "said"),
        ("value-concept:text=o", ""),
        ("code:text=heart", "pulse right said slip trace when"),
        ("_tag=urn:tag|study", "said"),
        ("_tag:not=urn:tag|study", "pulse right slip trace when"),
        ("_profile=http://example.org/p", "said"),
        ("_profile=http://example.org/p|1.2", "said"),
        ("_profile=http://example.org/p|1", ""),
        ("_profile:below=http://example.org/p|1", "said"),
        ("_profile:missing=true", "pulse right slip trace when"),
        ("_security=R", "said"),
        ("_source=http://example.org/lab/7", "said"),
        ("_source:below=http://example.org/lab", "said"),
        ("_source:below=http://example.org/la", ""),
        ("_source:above=http://example.org/lab/7/9", "said"),
        ("_source=http://example.org/lab", ""),
        ("_lastUpdated=ne2001&_id=said", "said"),
        ("_lastUpdated=ap2001", ""),
        ("date=ap2024", "pulse right said slip trace when"),
        ("date=ap1999", ""),
    ],
)
def test_observations(clinic, query, found):
    answer = clinic.get(f"Observation?{query}")
    assert answer.status == 200, answer.text
    assert " ".join(sorted(answer.ids)) == " ".join(sorted(found.split()))


@pytest.mark.parametrize(
    "query",
    [
        "code-value-quantity=8867-4",
        "code-value-quantity=8867-4$72$1",
        "code-value-quantity=8867-4$much",
        "code-value-quantity:missing=true",
        "subject:below=Patient/1",
        "code:of-type=a|b|c",
        "code:in=http://nowhere.example/vs",
        "code:below=1",
        "value-string:text=x",
        "_contained=true",
        "_summary=most",
        "_elements=a b",
        "_sort=code-value-quantity",
        "_include=*&_summary=text",
        "_has:Observation:subject:code=x",
    ],
)
def test_what_cannot_be_asked(clinic, query):
    refused = clinic.get(f"Observation?{query}")
    assert refused.status == 400, refused.text
    assert refused.issues


def test_whether_somebody_died(api):
    api.put("Patient/alive", patient(id="alive"))
    api.put("Patient/no", patient(id="no", deceasedBoolean=False))
    api.put("Patient/yes", patient(id="yes", deceasedBoolean=True))
    api.put("Patient/then", patient(id="then", deceasedDateTime="2020-02-02"))
    assert api.get("Patient?deceased=true&_sort=_id").ids == ["then", "yes"]
    assert api.get("Patient?deceased=false&_sort=_id").ids == ["alive", "no"]
    assert api.get("Patient?death-date=2020").ids == ["then"]


def test_identifiers_of_a_type(api):
    typed = {
        "type": {"coding": [{"system": "urn:t", "code": "MR"}], "text": "Record number"},
        "system": "urn:s",
        "value": "7",
    }
    api.put("Patient/1", patient(id="1", identifier=[typed]))
    api.put("Patient/2", patient(id="2", identifier=[{"system": "urn:s", "value": "7"}]))
    assert api.get("Patient?identifier:of-type=urn:t|MR|7").ids == ["1"]
    assert api.get("Patient?identifier:of-type=|MR|7").ids == []
    assert api.get("Patient?identifier:of-type=urn:t|MR|8").ids == []
    assert api.get("Patient?identifier:text=record").ids == ["1"]
    assert api.get("Patient?identifier:of-type=MR|7").status == 400


def test_codes_of_a_value_set_and_below_a_code(api):
    system = {
        "resourceType": "CodeSystem",
        "id": "colours",
        "url": "http://example.org/colours",
        "status": "active",
        "content": "complete",
        "concept": [{"code": "red", "concept": [{"code": "scarlet"}]}, {"code": "blue"}],
    }
    chosen = {
        "resourceType": "ValueSet",
        "id": "warm",
        "url": "http://example.org/warm",
        "status": "active",
        "compose": {
            "include": [
                {"system": system["url"], "concept": [{"code": "red"}, {"code": "scarlet"}]}
            ]
        },
    }
    assert api.put("CodeSystem/colours", system).status == 201
    assert api.put("ValueSet/warm", chosen).status == 201
    for code in ("red", "scarlet", "blue"):
        coding = {"coding": [{"system": system["url"], "code": code}]}
        api.put(f"Observation/{code}", observation(id=code) | {"code": coding})
    ask = lambda query: " ".join(api.get(f"Observation?{query}&_sort=_id").ids)  # noqa: E731
    assert ask("code:in=http://example.org/warm") == "red scarlet"
    assert ask("code:in=ValueSet/warm") == "red scarlet"
    assert ask("code:not-in=http://example.org/warm") == "blue"
    assert ask("code:below=http://example.org/colours|red") == "red scarlet"
    assert ask("code:above=http://example.org/colours|scarlet") == "red scarlet"
    assert ask("code:above=http://example.org/colours|blue") == "blue"
    api.put("Patient/zhao", patient(id="zhao"))
    found = api.get("Patient?_has:Observation:subject:code:in=http://example.org/warm")
    assert found.ids == ["zhao"]


def test_wards_below_a_hospital(api):
    for name, above in (("house", None), ("wing", "house"), ("ward", "wing"), ("other", None)):
        part = {"partOf": {"reference": f"Location/{above}"}} if above else {}
        api.put(f"Location/{name}", {"resourceType": "Location", "id": name, **part})
        visit = {
            "resourceType": "Encounter",
            "id": f"in-{name}",
            "status": "finished",
            "class": {"code": "AMB"},
            "location": [{"location": {"reference": f"Location/{name}"}}],
        }
        assert api.put(f"Encounter/in-{name}", visit).status == 201
    below = api.get("Encounter?location:below=Location/wing&_sort=_id").ids
    assert below == ["in-ward", "in-wing"]
    above = api.get("Encounter?location:above=Location/wing&_sort=_id").ids
    assert above == ["in-house", "in-wing"]
    circle = {"resourceType": "Location", "id": "house", "partOf": {"reference": "Location/ward"}}
    api.put("Location/house", circle)
    assert len(api.get("Encounter?location:below=Location/wing").ids) == 3


def test_places_that_are_near(api):
    places = {"jingan": (31.2286, 121.4480), "pudong": (31.2215, 121.5447), "tokyo": (35.7, 139.7)}
    for name, (latitude, longitude) in places.items():
        position = {"latitude": latitude, "longitude": longitude}
        api.put(f"Location/{name}", {"resourceType": "Location", "id": name, "position": position})
    api.put("Location/nowhere", {"resourceType": "Location", "id": "nowhere"})
    ask = lambda where: api.get(f"Location?near={where}&_sort=_id").ids  # noqa: E731
    assert ask("31.2286|121.4480|1|km") == ["jingan"]
    assert ask("31.2286|121.4480|9.1|km") == ["jingan"]
    assert ask("31.2286|121.4480|9.3|km") == ["jingan", "pudong"]
    assert ask("31.2286|121.4480|9300|m") == ["jingan", "pudong"]
    assert ask("31.2286|121.4480") == ["jingan", "pudong"]
    assert ask("31.2286|121.4480|2000|km") == ["jingan", "pudong", "tokyo"]
    assert ask("31.2286|-179.9|7000|km") == ["jingan", "pudong", "tokyo"]
    for wrong in ("here", "31|121|x", "31|121|1|parsec", "91|0|1", "nan|0|1"):
        assert api.get(f"Location?near={wrong}").status == 400


def test_members_of_a_list(api):
    api.put("Patient/in", patient(id="in"))
    api.put("Patient/out", patient(id="out"))
    body = {"resourceType": "List", "id": "l", "status": "current", "mode": "working"}
    body["entry"] = [{"item": {"reference": "Patient/in"}}]
    assert api.put("List/l", body).status == 201
    assert api.get("Patient?_list=l").ids == ["in"]


def test_a_chain_without_a_type_asks_every_type_that_fits(api):
    api.put("Patient/anna", patient(id="anna"))
    api.put("Observation/a", observation("Patient/anna", id="a"))
    api.put("Observation/b", observation("Device/d", id="b"))
    api.put("Device/d", {"resourceType": "Device", "id": "d", "identifier": [{"value": "M-1"}]})
    assert api.get("Observation?subject.identifier=M-1&_sort=_id").ids == ["a", "b"]
    assert api.get("Observation?subject:Device.identifier=M-1").ids == ["b"]
    assert api.get("Observation?patient.identifier=M-1").ids == ["a"]


def test_a_reference_to_another_type_is_no_patient(api):
    api.put("Observation/d", observation("Device/d", id="d"))
    api.put("Observation/p", observation("Patient/p", id="p"))
    assert api.get("Observation?patient:missing=true").ids == ["d"]
    assert api.get("Observation?patient:missing=false").ids == ["p"]
    assert api.get("Observation?patient=Device/d").ids == []
    assert api.get("Observation?subject=Device/d").ids == ["d"]


def test_what_is_there_and_cannot_be_compared_is_not_missing(api):
    api.put("Observation/o", observation(id="o") | {"subject": {"display": "somebody"}})
    assert api.get("Observation?subject:missing=true").ids == []
    assert api.get("Observation?subject:missing=false").ids == ["o"]
