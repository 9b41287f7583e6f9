"""Patient/$match: who is meant, with reasons, and nobody whom one may not see."""

import pytest

from records import access, store, validate
from records.matching import comparing, scoring
from tests.records.cast import DR_LIN, DR_SUN, MR_ZHAO, MS_QIAN, partner

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]
NUMBER = {"system": "urn:oid:2.16.156.10011.1.3", "value": "11010519491231002X"}
MRN = {"system": "http://north.example/mrn", "value": "M-7"}


def person(**more):
    return {"resourceType": "Patient"} | more


ANNA = person(
    identifier=[NUMBER, MRN],
    name=[{"family": "赵", "given": ["安娜"], "text": "赵安娜"}, {"text": "Zhao Anna"}],
    telecom=[{"system": "phone", "value": "138 0000 0001"}],
    gender="female",
    birthDate="1949-12-31",
)


@pytest.fixture
def anna():
    store.create("Patient", ANNA, by=DR_LIN, id="anna")


def ask(api, asked, by=None, **more):
    rows = [{"name": "resource", "resource": asked}]
    for name, value in more.items():
        kind = "valueBoolean" if isinstance(value, bool) else "valueInteger"
        rows.append({"name": name, kind: value})
    return api.post("Patient/$match", {"resourceType": "Parameters", "parameter": rows}, by=by)


def grades(answer):
    assert answer.status == 200, answer.text
    validate.check(answer.body)
    return {
        entry["resource"]["id"]: entry["search"]["extension"][0]["valueCode"]
        for entry in answer.entries
        if entry["search"]["mode"] == "match"
    }


def test_the_same_person_matches_for_certain_and_the_reasons_are_told(api, anna):
    answer = ask(api, ANNA)
    assert grades(answer) == {"anna": "certain"}
    search = answer.entries[0]["search"]
    assert str(search["score"]) == "1.0"
    assert search["extension"][0]["url"] == "http://hl7.org/fhir/StructureDefinition/match-grade"
    assert {row["url"]: row["valueCode"] for row in search["extension"][1]["extension"]} == {
        **dict.fromkeys(("number", "identifier", "name"), "agrees"),
        **dict.fromkeys(("birthDate", "gender", "phone"), "agrees"),
    }
    assert answer.body["total"] == 1


def test_a_patient_may_be_posted_as_it_is(api, anna):
    assert grades(api.post("Patient/$match", ANNA)) == {"anna": "certain"}


@pytest.mark.parametrize(
    ("asked", "grade"),
    [
        (person(identifier=[NUMBER], name=[{"text": "赵安娜"}]), "certain"),
        (person(identifier=[NUMBER]), "probable"),
        (person(identifier=[NUMBER], name=[{"text": "钱多多"}]), "possible"),
        (person(identifier=[MRN], name=[{"text": "赵安娜"}], birthDate="1949-12-31"), "certain"),
        (person(identifier=[MRN], name=[{"text": "赵安娜"}]), "probable"),
        (person(identifier=[MRN]), "possible"),
        (person(name=[{"text": "赵安娜"}], birthDate="1949-12-31"), "possible"),
        (person(name=[{"text": "Anna Zhao"}], birthDate="1949-12-31"), "possible"),
        (
            person(
                name=[{"text": "赵安娜"}],
                birthDate="1949-12-31",
                gender="female",
                telecom=[{"system": "phone", "value": "+86 13800000001"}],
            ),
            "probable",
        ),
        (
            person(
                name=[{"text": "赵安娜"}], telecom=[{"system": "phone", "value": "13800000001"}]
            ),
            "possible",
        ),
        (person(name=[{"text": "赵安妮"}], birthDate="1949-12-31"), "possible"),
        (person(name=[{"text": "赵大勇"}], birthDate="1949-12-31"), None),
        (
            person(
                identifier=[{**NUMBER, "value": "110105194912310011"}, MRN],
                name=[{"text": "赵安娜"}],
                birthDate="1949-12-31",
            ),
            None,
        ),
    ],
)
def test_evidence_makes_the_grade(api, anna, asked, grade):
    assert grades(ask(api, asked)) == ({"anna": grade} if grade else {})


def evidence(**answers):
    features = ("number", "identifier", "name", "birthDate", "gender", "phone")
    return {feature: answers.get(feature, "unknown") for feature in features}


@pytest.mark.parametrize(
    ("answers", "points", "grade"),
    [
        ({"number": "agrees", "name": "agrees"}, 80, "certain"),
        ({"number": "agrees", "name": "near", "gender": "agrees"}, 75, "probable"),
        (
            {"number": "agrees", "identifier": "agrees", "name": "differs"},
            80,
            "probable",
        ),
        (
            {"name": "agrees", "birthDate": "agrees", "phone": "agrees"},
            55,
            "probable",
        ),
        ({"identifier": "agrees", "name": "near"}, 50, "possible"),
        ({"name": "near", "birthDate": "agrees"}, 30, "possible"),
        ({"name": "near", "gender": "agrees", "birthDate": "near"}, 20, "certainly-not"),
        ({"name": "agrees", "birthDate": "near"}, 25, "certainly-not"),
        ({"number": "differs", "identifier": "agrees", "name": "agrees"}, 0, "certainly-not"),
        (
            {
                "number": "agrees",
                **dict.fromkeys(("name", "birthDate", "gender"), "differs"),
            },
            10,
            "possible",
        ),
    ],
)
def test_both_sides_of_each_threshold(answers, points, grade):
    found = evidence(**answers)
    assert (scoring.points(found), scoring.grade(found)) == (points, grade)


def test_without_a_number_nothing_is_certain():
    most = evidence(**dict.fromkeys(("name", "birthDate", "gender", "phone"), "agrees"))
    assert scoring.points(most) < scoring.CERTAIN


@pytest.mark.parametrize(
    ("one", "other", "answer"),
    [
        ([{"text": "张伟"}], [{"family": "张", "given": ["伟"]}], "agrees"),
        ([{"text": "José  García"}], [{"family": "GARCIA", "given": ["Jose"]}], "agrees"),
        ([{"text": "欧阳小明"}], [{"text": "欧阳小 明"}], "agrees"),
        ([{"text": "赵安娜"}], [{"text": "赵安妮"}], "near"),
        ([{"text": "张伟"}], [{"text": "张敏"}], "differs"),
        ([{"text": "张伟"}], [{"text": "张大伟"}], "near"),
        (
            [{"family": "Smith", "given": ["John"]}],
            [{"family": "Smith", "given": ["Jack"]}],
            "near",
        ),
        ([{"text": "张伟"}], [], "unknown"),
        ([{"text": "张伟", "use": "old"}], [{"text": "张伟"}], "unknown"),
    ],
)
def test_names_are_compared_as_people_write_them(one, other, answer):
    assert comparing.compare({"name": one}, {"name": other})["name"] == answer


@pytest.mark.parametrize(
    ("one", "other", "answer"),
    [
        ("1949-12-31", "1949-12-31", "agrees"),
        ("1949-12-31", "1949-12-13", "near"),
        ("1949-12-03", "1949-03-12", "near"),
        ("1949", "1949-12-31", "near"),
        ("1949-12-31", "1950-11-31", "differs"),
        ("1949", "1950", "differs"),
        (None, "1950", "unknown"),
    ],
)
def test_dates_of_birth_forgive_a_slip(one, other, answer):
    assert comparing.compare({"birthDate": one}, {"birthDate": other})["birthDate"] == answer


def test_only_certain_matches_are_one_or_none(api, anna):
    likely = person(identifier=[MRN], name=[{"text": "赵安娜"}])
    assert grades(ask(api, likely, onlyCertainMatches=True)) == {}
    assert grades(ask(api, ANNA, onlyCertainMatches=True)) == {"anna": "certain"}
    store.create("Patient", ANNA, by=DR_LIN, id="double")
    assert len(grades(ask(api, ANNA))) == 2
    both = ask(api, ANNA, onlyCertainMatches=True)
    assert grades(both) == {}
    assert both.entries[0]["resource"]["issue"][0]["code"] == "multiple-matches"


def test_the_likeliest_come_first_as_many_as_asked(api, anna):
    store.create("Patient", person(identifier=[MRN]), by=DR_LIN, id="record-only")
    assert list(grades(ask(api, ANNA))) == ["anna", "record-only"]
    assert list(grades(ask(api, ANNA, count=1))) == ["anna"]


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (person(name=[{"text": "赵安娜"}]), 422),
        (person(birthDate="1949-12-31", gender="female"), 422),
        (person(telecom=[{"system": "phone", "value": "13800000001"}]), 422),
        (person(name=[{"text": "赵安娜"}], birthDate="1949"), 422),
        (person(identifier=[{"value": "M-7"}]), 422),
        (person(identifier=[{**MRN, "use": "old"}]), 422),
        (person(gendre="female"), 422),
        ({"resourceType": "Observation"}, 400),
    ],
)
def test_too_little_or_wrong_input_gets_no_answer(api, anna, asked, status):
    answer = ask(api, asked)
    assert answer.status == status, answer.text
    assert answer.issues
    assert api.get("Patient/$match").status == 405


def test_values_are_values_and_no_query(api, anna):
    odd = person(identifier=[{"system": "http://x.example", "value": "a,M-7|b\\"}])
    assert grades(ask(api, odd)) == {}


def test_nobody_is_found_whom_one_may_not_see(api, anna):
    for stranger in (DR_SUN, MS_QIAN, MR_ZHAO, partner()):
        answer = ask(api, ANNA, by=stranger)
        assert grades(answer) == {}
        assert answer.body["total"] == 0
    reader = partner("system/Patient.rs")
    access.grant(to=reader.reference, resources=["Patient/anna"], why="referral")
    assert grades(ask(api, ANNA, by=reader)) == {"anna": "certain"}
    for scope in ("system/Patient.r", "system/Patient.s", "system/Observation.rs"):
        assert ask(api, ANNA, by=partner(scope)).status == 403


def test_few_statements_however_many_fit(api, anna, django_assert_max_num_queries):
    for number in range(60):
        store.create("Patient", ANNA, by=DR_LIN, id=f"copy-{number}")
    with django_assert_max_num_queries(20):
        answer = ask(api, ANNA, count=50)
    assert len(answer.entries) == 50
