"""FHIRPath: what our engine says, what an engine of others says, and what it refuses to spend."""

import json
import time
from decimal import Decimal
from pathlib import Path

import pytest
from fhirpathpy import evaluate
from fhirpathpy.models import models
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.errors import Invalid
from records import definitions, fhirpath, jsontext
from records.fhirpath import Node
from tests.records.cast import observation, patient

EXAMPLES = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "fhir" / "examples"

ZHAO = patient(
    id="zhao",
    active=True,
    name=[
        {"use": "official", "family": "Zhào", "given": ["Anna", "Maria"], "text": "赵安娜"},
        {"use": "nickname", "given": ["Ann"]},
    ],
    _birthDate={"extension": [{"url": "http://born.example", "valueTime": "10:30:00"}]},
    multipleBirthInteger=2,
    managingOrganization={"reference": "#north"},
    generalPractitioner=[{"reference": "Practitioner/lin"}],
    contained=[{"resourceType": "Organization", "id": "north", "name": "North"}],
    contact=[{"telecom": [{"system": "phone", "value": "1"}]}, {"name": {"text": "Zhao Li"}}],
)
PULSE = observation(
    value=Decimal("72.50"),
    component=[
        {"code": {"text": "a"}, "valueQuantity": {"value": 3, "code": "mg", "unit": "mg"}},
        {"code": {"text": "b"}, "valueString": "none"},
    ],
)
# Each is asked of both engines.
OF_ZHAO = """
name.given
Patient.name.given
Observation.status
name[0].given[1]
name.where(use = 'official').family
name.where(use = 'nobody').empty()
name.exists(use = 'official')
name.all(given.exists())
name.given.count() = 3
name.given.first() | name.given.last() | name.given.first()
name.select(given.first() & ' ' & use)
name.given.tail().skip(1)
name.given.take(2)
name.given.isDistinct()
name.given.distinct().count()
name[0].family.length()
name[0].text.substring(1)
name[0].text.substring(1, 1)
name[0].given[0].startsWith('A').not()
name[0].given[0].indexOf('n')
name[0].given[0].replace('n', 'm')
name[0].given[0].replaceMatches('n+', 'N')
name[0].given[0].matches('^A[a-z]+$')
name[0].given[0].contains('nn')
name[0].given[0].upper() + 'x'
name.given.join(',')
birthDate < @1980-01-01
birthDate = @1974-12-25
birthDate > @1974-12
birthDate.extension.where(url = 'http://born.example').value
birthDate.extension('http://born.example').exists()
active and gender = 'female'
active implies {}
(gender = 'male') or {}
(gender = 'male') and {}
gender = 'male' xor active
multipleBirth + 1
multipleBirth * 3 - 1
7 div 2
7 mod 2
7 / 2
multipleBirth > 1
multipleBirth is integer
multipleBirth.is(boolean)
multipleBirth.ofType(integer)
multipleBirth as integer
contained.name
contained.ofType(Organization).name
contact.telecom.value.toInteger()
'12'.toInteger() + 1
'x'.toInteger()
multipleBirth.toString() & 'x'
'1.50'.toDecimal()
iif(active, 'yes', 'no')
iif(name.empty(), 'yes')
'female' in gender
gender in ('male' | 'female')
name.given contains 'Maria'
name.given.intersect('Anna' | 'Bob')
name.given.exclude('Anna')
name.given.combine('Anna').count()
('a' | 'b').subsetOf('a' | 'b' | 'c')
('a' | 'b').supersetOf('a')
(true | false).allTrue()
(true | true).allTrue()
name.given.select($this.length())
name.given.where($index = 1)
repeat(contact).count()
descendants().where($this is Reference).reference
name[0].children().count()
'Anna ' ~ 'anna'
'a' !~ 'A'
1.0 = 1
1.10 ~ 1.1
'a' = 'b'
{} = 1
name.given = name.given
@2020-01-01 = @2020-01
@2020-01-01T10:00:00+08:00 = @2020-01-01T02:00:00Z
@T10:30 < @T10:31
4 'mg' = 4 'mg'
-3 + 5
`name`.given.first()
name.trace('n').given.first()
%context.id
%ucum
name.given.last().single()
'abc'.toChars().count()
'a,b'.split(',')
1.5.ceiling() + 1.5.floor() + 1.5.truncate()
1.55.round(1)
(-2).abs()
9.sqrt()
'true'.toBoolean()
'2020-01-01'.convertsToDate()
'x'.convertsToInteger()
""".strip().splitlines()
OF_PULSE = """
value.exists()
value.value
value is Quantity
value.ofType(Quantity).unit
(value as Quantity).value > 70
component.value.ofType(string)
component.where(value is Quantity).code.text
Observation.component.value.count()
subject.reference.startsWith('Patient/')
effective > @2024-04-30
effective.is(dateTime)
component.code.text.first() in ('a' | 'b')
""".strip().splitlines()


def asked(body, expression):
    return [
        str(found.text) if hasattr(found, "text") else found
        for found in fhirpath.compile(expression).values(body)
    ]


def theirs(body, expression):
    found = evaluate(json.loads(jsontext.dumps(body)), expression, model=models["r4"])
    return [str(item) if type(item).__module__.startswith("fhirpathpy") else item for item in found]


@pytest.mark.parametrize(
    ("body", "expression"),
    [(ZHAO, each) for each in OF_ZHAO] + [(PULSE, each) for each in OF_PULSE],
    ids=OF_ZHAO + OF_PULSE,
)
def test_two_engines_say_the_same(body, expression):
    assert asked(body, expression) == theirs(body, expression)


# What the other engine cannot do.
ALONE = {
    "birthDate.hasValue()": [True],
    "managingOrganization.resolve().name": ["North"],
    "generalPractitioner.resolve() is Practitioner": [True],
    "generalPractitioner.resolve().is(DomainResource)": [True],
    "-multipleBirth": [-2],
    "%resource.gender": ["female"],
    "%rootResource.id": ["zhao"],
    "contained.where('#' + id in %resource.descendants().reference).name": ["North"],
    "name.text.htmlChecks()": [False],
    "today() > @2020": [True],
    "now() > @2020-01-01T00:00:00Z": [True],
    "identifier.value.encode()": None,
    "(1 | 2).single()": None,
    "name.given > 'A'": None,
    "active > 1": None,
    "1 / 0": [],
    "999999999999999999999999999999999999999 div 1": [],
}


@pytest.mark.parametrize(("expression", "expected"), ALONE.items(), ids=ALONE)
def test_what_is_beyond_the_other_engine(expression, expected):
    if expected is None:
        with pytest.raises(Invalid, match="FHIRPath"):
            asked(ZHAO, expression)
    else:
        assert asked(ZHAO, expression) == expected


def test_what_stands_beside_a_primitive_is_reached():
    body = patient(
        name=[
            {"given": ["Ann", None], "_given": [None, {"id": "g2", "extension": [{"url": "u"}]}]}
        ],
        _gender={"extension": [{"url": "http://why.example", "valueCode": "unknown"}]},
    )
    del body["gender"]
    assert asked(body, "name.given") == ["Ann", None]
    assert asked(body, "name.given.where(hasValue())") == ["Ann"]
    assert asked(body, "name.given.extension('u').url") == ["u"]
    assert asked(body, "name.given.id") == ["g2"]
    assert asked(body, "gender.exists() and gender.hasValue().not()") == [True]
    assert asked(body, "gender.extension('http://why.example').value") == ["unknown"]


def test_dates_compare_as_far_as_they_are_known():
    body = {
        "resourceType": "Task",
        "authoredOn": "2024-05-01",
        "lastModified": "2024-05-01T08:00:00Z",
    }
    assert asked(body, "lastModified >= authoredOn") == []
    assert asked(body, "lastModified > authoredOn.toString().substring(0, 7)") == []
    assert asked(body, "lastModified > @2024-04") == [True]
    assert asked(body, "lastModified = @2024-05-01T16:00:00+08:00") == [True]
    assert asked(body, "authoredOn ~ @2024-05") == [False]
    assert asked(
        {"resourceType": "Patient", "birthDate": "2020-02-30"}, "birthDate = @2020-02"
    ) == [False]


def test_a_place_can_be_changed():
    body = json.loads(json.dumps(ZHAO))
    [family] = fhirpath.nodes(body, "Patient.name.where(use = 'official').family")
    assert (family.path, family.type) == ("Patient.name[0].family", "string")
    family.container[family.place] = "Chao"
    [second] = fhirpath.nodes(body, "Patient.name[0].given[1]")
    assert second.path == "Patient.name[0].given[1]"
    second.container[second.place] = "Marie"
    [birth] = fhirpath.nodes(body, "Patient.multipleBirth")
    assert (birth.path, birth.key, birth.type) == (
        "Patient.multipleBirth",
        "multipleBirthInteger",
        "integer",
    )
    assert body["name"][0]["family"] == "Chao"
    assert body["name"][0]["given"] == ["Anna", "Marie"]
    [root] = fhirpath.nodes(body, "Patient")
    assert (root.parent, root.container, root.value) == (None, None, body)
    with pytest.raises(Invalid, match="not a place"):
        fhirpath.nodes(body, "1 + 1")


def test_an_element_stands_for_itself():
    period = {"start": "2024-01-02", "end": "2024-01-01"}
    assert fhirpath.compile("start <= end").values(period, kind="Period") == [False]
    assert not fhirpath.compile("start <= end").is_true(Node.root(period, "Period"))


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("", "the end is not expected at 0"),
        ("name.", "the end is not expected at 5"),
        ("name given", "'given' is not expected at 5"),
        ("name[0", "the end is not expected at 6"),
        ("'open", "cannot read what stands at 0"),
        ("@2020-13-45", "is not expected at 0"),
        ("name.nothing()", r"no function nothing\(\)"),
        ("name.where()", r"where\(\) takes 1 to 1"),
        ("name.is(Bogus)", "no type Bogus"),
        ("%bogus", "no variable bogus"),
        ("name.is(1 + 1)", "the name of a type"),
        ("(" * 500 + ")" * 500, "nested too deeply"),
        (".".join(["a"] * 500), "nested too deeply"),
        ("a or " * 500 + "a", "nested too deeply"),
        ("-" * 4000 + "1", "nested too deeply"),
        ("a" * 5000, "4096 characters"),
    ],
)
def test_what_is_wrong_is_named(expression, says):
    with pytest.raises(Invalid, match=says):
        fhirpath.compile(expression)


BOMBS = [
    "(a+)+$",
    "(a*)*b",
    "(a|a)*b",
    "(a|aa)+$",
    "((a{1,50}){1,50}){1,50}$",
    "(?:a?){50}a",
    "a*a*a*a*a*b",
    "a?" * 30 + "a" * 30,
    r"(a)\\1*b",
    "(?=a+)a+b",
    "a" * 600,
    "(",
    "a{99999999999}",
]


@pytest.mark.parametrize("pattern", BOMBS)
def test_a_regular_expression_that_never_ends_is_refused(pattern):
    body = patient(name=[{"text": "a" * 3000 + "c"}])
    began = time.process_time()
    with pytest.raises(Invalid, match="FHIRPath"):
        asked(body, f"name.text.matches('{pattern}')")
    with pytest.raises(Invalid, match="FHIRPath"):
        asked(body, f"name.text.replaceMatches('{pattern}', 'x')")
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    "expression",
    [
        "descendants().where(%resource.descendants().where(%resource.descendants().exists()).exists())",
        "name.text" + ".select($this & $this)" * 25,
        "name" + ".select($this.combine($this))" * 25,
        "name.text.replace('a', '" + "b" * 2000 + "')",
        "name.text.select($this.toChars())",
        "repeat(name | contact | %resource).repeat(%resource.descendants())",
    ],
)
def test_what_grows_without_end_is_refused(expression):
    many = [{"text": "a" * 3000} for _ in range(300)]
    began = time.process_time()
    with pytest.raises(Invalid, match="FHIRPath"):
        asked(patient(name=many), expression)
    assert time.process_time() - began < 2


@settings(max_examples=300, deadline=None)
@given(
    st.text(
        st.sampled_from("name.given[0]()'=|&+-*/%$@2020-01T`{}<>!~ existsandornot"), max_size=60
    )
)
def test_any_text_is_an_expression_or_refused(text):
    try:
        fhirpath.compile(text).values(ZHAO)
    except Invalid as error:
        assert error.says


def test_every_expression_of_the_standard_compiles():
    number = 0
    for place in definitions.constrained():
        for constraint in definitions.constraints(place):
            fhirpath.compile(constraint.expression, trusted=True)
            number += 1
    assert number > 200
