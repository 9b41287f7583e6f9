"""Search finds what it should, refuses what it does not know, and pages stay stable."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from records.kinds import KINDS
from records.search import parameters, values
from tests.records.cast import observation, patient, task

pytestmark = [pytest.mark.embedded]


@pytest.fixture
def ward(api, db):
    """Three patients and some of their observations."""
    api.put("Patient/anna", patient(id="anna"))
    api.put(
        "Patient/bo",
        patient(
            id="bo",
            active=True,
            name=[{"family": "Bó", "text": "博"}],
            gender="male",
            birthDate="1980-06",
            identifier=[{"system": "urn:oid:1.2", "value": "M-1"}, {"value": "bare"}],
            address=[{"city": "上海", "district": "静安区", "line": ["1 Road"]}],
            telecom=[{"system": "email", "value": "bo@example.org"}],
        ),
    )
    api.put("Patient/cai", patient(id="cai", name=[{"family": "Cai"}], gender="unknown"))
    for name, value, day in (("a1", 60, "01"), ("a2", 72.5, "02"), ("a3", 90, "03")):
        api.put(
            f"Observation/{name}",
            observation("Patient/anna", value, f"2024-05-{day}T10:00:00Z", id=name),
        )
    api.put("Observation/b1", observation("Patient/bo", 60, "2024-05", "8480-6", id="b1"))
    return api


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("Patient", "anna bo cai"),
        ("Patient?_id=anna,bo", "anna bo"),
        ("Patient?identifier=M-1", "anna bo cai"),
        ("Patient?identifier=urn:oid:1.2|M-1", "bo"),
        ("Patient?identifier=|bare", "bo"),
        ("Patient?identifier=|M-1", ""),
        ("Patient?identifier=urn:oid:1.2|", "bo"),
        ("Patient?name=zhao", "anna"),
        ("Patient?name=ZHÀO&given=mar", "anna"),
        ("Patient?name=赵安", "anna"),
        ("Patient?family=bo", "bo"),
        ("Patient?family:exact=bo", ""),
        ("Patient?family:exact=Bó", "bo"),
        ("Patient?family:contains=A", "anna cai"),
        ("Patient?gender=male,female", "anna bo"),
        ("Patient?gender=http://hl7.org/fhir/administrative-gender|male", "bo"),
        ("Patient?gender:not=male", "anna cai"),
        ("Patient?active=true", "bo"),
        ("Patient?active:missing=true", "anna cai"),
        ("Patient?active:missing=false", "bo"),
        ("Patient?birthdate=1974-12-25", "anna cai"),
        ("Patient?birthdate=1980", "bo"),
        ("Patient?birthdate=1980-06-01", ""),
        ("Patient?birthdate=ge1980-06-15", "bo"),
        ("Patient?birthdate=gt1980-06", ""),
        ("Patient?birthdate=lt1975", "anna cai"),
        ("Patient?birthdate=ge1970&birthdate=le1979", "anna cai"),
        ("Patient?phone=13800000000", "anna cai"),
        ("Patient?email=bo@example.org", "bo"),
        ("Patient?telecom=bo@example.org", "bo"),
        ("Patient?address=静安", "bo"),
        ("Patient?address-city=上海", "bo"),
        ("Observation?patient=anna", "a1 a2 a3"),
        ("Observation?subject=Patient/anna", "a1 a2 a3"),
        ("Observation?subject:Patient=anna", "a1 a2 a3"),
        ("Observation?subject=http://127.0.0.1:8000/fhir/Patient/anna", "a1 a2 a3"),
        ("Observation?subject=http://other.example/fhir/Patient/anna", ""),
        ("Observation?code=8867-4", "a1 a2 a3"),
        ("Observation?code=http://loinc.org|8480-6", "b1"),
        ("Observation?combo-code=http://loinc.org|8480-6", "b1"),
        ("Observation?patient=anna&date=ge2024-05-02T10:00:00Z&status=final", "a2 a3"),
        ("Observation?date=2024-05", "a1 a2 a3 b1"),
        ("Observation?date=2024-05-02", "a2"),
        ("Observation?date=sa2024-05-02", "a3"),
        ("Observation?date=eb2024-05-02", "a1"),
        ("Observation?date=ne2024-05-02", "a1 a3 b1"),
        ("Observation?date=ge2024-05-03", "a3 b1"),
        ("Observation?value-quantity=gt72.5|http://unitsofmeasure.org|/min", "a3"),
        ("Observation?value-quantity=60", "a1 b1"),
        ("Observation?value-quantity=72.5||/min", "a2"),
        ("Observation?value-quantity=le72.5&code=8867-4", "a1 a2"),
        ("Observation?value-quantity=60|http://unitsofmeasure.org|mg", ""),
        ("Observation?_lastUpdated=gt2020-01-01", "a1 a2 a3 b1"),
        ("Observation?_lastUpdated=lt2020-01-01", ""),
        ("Observation?patient.family=bo", "b1"),
        ("Observation?subject:Patient.gender=female", "a1 a2 a3"),
        ("Patient?_has:Observation:patient:code=8480-6", "bo"),
        ("Patient/anna/Observation?date=2024-05-01", "a1"),
    ],
)
def test_what_a_search_finds(ward, query, found):
    answer = ward.get(query)
    assert answer.status == 200, answer.text
    assert " ".join(sorted(answer.ids)) == found
    assert answer.body["total"] == len(found.split())


@pytest.mark.parametrize(
    "query",
    [
        "Patient?shoe=9",
        "Patient?gender:bogus=x",
        "Patient?name:below=x",
        "Patient?birthdate=soon",
        "Patient?birthdate=2024-13-40",
        "Patient?active:missing=maybe",
        "Patient?_sort=shoe",
        "Patient?_count=many",
        "Patient?_include=Patient:shoe",
        "Patient?_include=Spaceship:x",
        "Patient?_total=roughly",
        "Patient?_cursor=made-up",
        "Patient?name=",
        "Patient?name.family=x",
        "Observation?subject.shoe=x",
        "Observation?value-quantity=much",
        "Observation?value-quantity=1e999",
        "Patient?_has:Observation:code=x",
        "Patient?name=%00",
        "Observation?value-quantity=1e-999999999",
        "Organization?" + "partof." * 2000 + "name=x",
    ],
)
def test_what_a_search_refuses(ward, query):
    refused = ward.get(query)
    assert refused.status == 400, refused.text
    assert refused.issues


def test_lenient_passes_over_unknown_parameters(ward):
    found = ward.get("Patient?shoe=9&family=cai", Prefer="handling=lenient")
    assert found.ids == ["cai"]
    assert "shoe" not in found.link("self")
    (warning,) = [e for e in found.entries if e["search"]["mode"] == "outcome"]
    assert warning["resource"]["issue"][0]["severity"] == "warning"
    assert warning["resource"]["issue"][0]["expression"] == ["shoe"]


def test_a_posted_search_is_the_same(ward):
    form = "application/x-www-form-urlencoded"
    assert ward.post("Patient/_search", "family=cai", kind=form).ids == ["cai"]


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("date", "b1 a1 a2 a3"),
        ("-date", "a3 a2 a1 b1"),
        ("-_lastUpdated,_id", None),
        ("value-quantity,-date", "a1 b1 a2 a3"),
        ("_id", "a1 a2 a3 b1"),
        ("-code,date", "a1 a2 a3 b1"),
    ],
)
def test_sorted_pages_follow_each_other(ward, sort, order):
    whole = ward.get(f"Observation?_sort={sort}").ids
    if order:
        assert " ".join(whole) == order
    page = ward.get(f"Observation?_sort={sort}&_count=1")
    seen = page.ids
    while url := page.link("next"):
        page = ward.get(url)
        seen += page.ids
    assert seen == whole


def test_pages_stay_stable_while_others_write(ward):
    page = ward.get("Patient?_count=2&_sort=-birthdate")
    seen = page.ids
    ward.put("Patient/new", patient(id="new", birthDate="2020-01-01"))
    ward.put("Patient/newer", patient(id="newer", birthDate="1900-01-01"))
    while url := page.link("next"):
        page = ward.get(url)
        seen += page.ids
    assert sorted(seen) == ["anna", "bo", "cai"]


def test_a_cursor_belongs_to_its_search(ward):
    url = ward.get("Patient?_count=1").link("next")
    assert url.startswith("http://testserver/fhir/Patient?")
    assert ward.get(url.replace("Patient?", "Observation?")).status == 400
    assert ward.get(url + "&gender=male").status == 400


def test_totals_when_asked(ward):
    assert "total" not in ward.get("Patient?_count=1").body
    assert ward.get("Patient?_count=1&_total=accurate").body["total"] == 3
    counted = ward.get("Patient?_summary=count")
    assert (counted.body["total"], counted.entries) == (3, [])


def test_neighbours_come_along(ward):
    page = ward.get("Observation?_id=b1&_include=Observation:subject")
    modes = {entry["resource"]["id"]: entry["search"]["mode"] for entry in page.entries}
    assert modes == {"b1": "match", "bo": "include"}
    assert ward.get("Observation?_id=b1&_include=Observation:*").ids == ["b1", "bo"]
    back = ward.get("Patient?_id=bo&_revinclude=Observation:patient")
    assert back.ids == ["bo", "b1"]
    none = ward.get("Observation?_id=b1&_include=Observation:subject:Device")
    assert none.ids == ["b1"]


def test_logical_references_are_found_by_identifier(api, db):
    owner = {"identifier": {"system": "urn:x", "value": "hospital"}}
    api.put("Task/1", task(id="1", owner=owner))
    assert api.get("Task?owner:identifier=urn:x|hospital").ids == ["1"]
    assert api.get("Task?owner:identifier=urn:x|other").ids == []


def test_an_update_changes_what_is_found(ward):
    ward.put("Patient/cai", patient(id="cai", name=[{"family": "Deng"}]))
    assert ward.get("Patient?family=cai").ids == []
    assert ward.get("Patient?family=deng").ids == ["cai"]
    ward.delete("Patient/cai")
    assert ward.get("Patient?family=deng").ids == []
    assert ward.get("Patient").ids == ["anna", "bo"]


def test_ten_rows_cost_what_three_cost(ward):
    def statements(path):
        with CaptureQueriesContext(connection) as seen:
            assert ward.get(path).status == 200
        return len(seen)

    path = "Observation?patient=anna&_include=Observation:subject&_sort=-date"
    before = statements(path)
    for n in range(10):
        ward.post("Observation", observation("Patient/anna", n))
    assert statements(path) == before <= 2


def a_value(kind, name):
    """Something that may be asked of a parameter."""
    parameter = parameters.of(kind).get(name)
    if name == "_list":
        return "1"
    if parameter.type == "special":
        return "1|2|3|km"
    plain = {"date": "2020", "instant": "2020", "number": "1", "quantity": "1"}
    if parameter.type == "composite":
        return "$".join(plain.get(part, "x") for part in parameter.components)
    return plain.get(parameter.type, "x")


def test_every_advertised_parameter_is_answered_and_no_other(api, db):
    rest = api.get("metadata").body["rest"][0]
    assert len(rest["resource"]) == len(KINDS)
    for resource in rest["resource"]:
        kind = resource["type"]
        assert api.get(f"{kind}?_count=1&_sort=-_lastUpdated").status == 200
        names = [parameter["name"] for parameter in resource["searchParam"]]
        for part in (names[:12], names[12:]):
            answer = api.get(f"{kind}?{'&'.join(f'{n}={a_value(kind, n)}' for n in part)}")
            assert answer.status == 200, (kind, answer.text)
        others = {"phonetic", "_text", "_content", "_query", "_filter", "shoe"} - set(names)
        assert all(api.get(f"{kind}?{other}=x").status == 400 for other in others)


def test_every_advertised_include_is_answered(api, db):
    for resource in api.get("metadata").body["rest"][0]["resource"]:
        for control in ("Include", "RevInclude"):
            named = resource.get(f"search{control}", [])[:20]
            query = "&".join(f"_{control.lower()}={name}" for name in named)
            answer = api.get(f"{resource['type']}?{query}")
            assert answer.status == 200, answer.text


def test_no_two_parameters_share_a_key():
    assert parameters.check_keys() > 1000


numbers = st.floats(allow_nan=False, allow_infinity=False)


@given(numbers, numbers)
def test_numbers_sort_as_bytes(one, other):
    if one != other:  # -0.0 and 0.0 are equal and differ in their bytes
        assert (values.number(one) < values.number(other)) == (one < other)


@given(st.datetimes(), st.datetimes())
def test_dates_sort_as_bytes(one, other):
    first, second = (values.span(f"{d.isoformat(timespec='microseconds')}Z") for d in (one, other))
    assert (first[0] < second[0]) == (one < other)
    assert first[0] < first[1]


@given(st.text(), st.text())
def test_a_prefix_of_a_name_is_a_prefix_of_its_row(head, tail):
    folded = values.fold(head)
    if values.fold(head + tail).startswith(folded):
        assert values.text_row(head + tail).startswith(values.cut(folded))
