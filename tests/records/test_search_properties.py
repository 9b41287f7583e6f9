"""Search against a naive evaluation in memory: random resources, random questions, the same answer.

The evaluation knows no index: it walks bodies with plain paths and follows R4's text
(search.html) with dates as instants and decimals as fractions.
"""

import unicodedata
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from records import store
from records.search import search
from tests.records.cast import DR_LIN

pytestmark = [pytest.mark.embedded, pytest.mark.django_db]

# ----------------------------------------------------------------- the world

SYSTEMS = ["urn:a", "urn:b"]
CODES = ["1", "2", "10"]
NAMES = ["Ann", "Anna", "Änne", "Li", "李", "o'neil", "Hanna Li"]
PATIENTS = ["Patient/p", "Patient/q", "Device/p"]
URLS = ["http://x.example/a", "http://x.example/a/b", "http://x.example/ab", "urn:x:a"]
UNITS = [("http://unitsofmeasure.org", "mg", "mg"), ("http://unitsofmeasure.org", "g", "gram")]

instants = st.datetimes(datetime(2019, 11, 1), datetime(2020, 3, 31)).map(
    lambda d: d.replace(microsecond=0).isoformat() + "Z"
)
dates = st.one_of(
    st.sampled_from(["2019", "2020"]),
    st.sampled_from(["2019-12", "2020-01", "2020-02"]),
    st.dates(datetime(2019, 12, 20).date(), datetime(2020, 2, 10).date()).map(str),
    instants,
)
amounts = st.sampled_from(
    ["0", "-1", "1", "1.0", "1.04", "1.05", "2", "99.5", "100", "100.4", "120"]
)
shares = st.sampled_from(["0", "1", "1.0", "1.04", "1.05", "2", "99.5", "100"])
codings = st.fixed_dictionaries(
    {"code": st.sampled_from(CODES)},
    optional={"system": st.sampled_from(SYSTEMS), "display": st.sampled_from(NAMES)},
)
concepts = st.fixed_dictionaries(
    {},
    optional={
        "coding": st.lists(codings, min_size=1, max_size=2),
        "text": st.sampled_from(NAMES),
    },
).filter(bool)
identifiers = st.fixed_dictionaries(
    {"value": st.sampled_from(CODES)}, optional={"system": st.sampled_from(SYSTEMS)}
)
references = st.one_of(
    st.sampled_from(PATIENTS).map(lambda name: {"reference": name}),
    identifiers.map(lambda one: {"identifier": one}),
)


@st.composite
def periods(draw):
    first, last = sorted([draw(instants), draw(instants)])
    ends = draw(st.sampled_from(["start", "end", "both"]))
    both = {"start": first, "end": last}
    return both if ends == "both" else {ends: both[ends]}


@st.composite
def quantities(draw):
    system, code, unit = draw(st.sampled_from(UNITS))
    made = {"value": Decimal(draw(amounts)), "system": system, "code": code, "unit": unit}
    sign = draw(st.sampled_from(["", "", "", "<", "<=", ">", ">="]))
    return made | ({"comparator": sign} if sign else {})


@st.composite
def observations(draw):
    made = {"resourceType": "Observation", "status": draw(st.sampled_from(["final", "amended"]))}
    made["code"] = draw(concepts)
    if draw(st.booleans()):
        made["subject"] = draw(references)
    if draw(st.booleans()):
        made["effectiveDateTime"] = draw(dates)
    elif draw(st.booleans()):
        made["effectivePeriod"] = draw(periods())
    kind = draw(st.sampled_from(["", "Quantity", "String", "CodeableConcept"]))
    values = {"Quantity": quantities(), "String": st.sampled_from(NAMES)}
    if kind:
        made[f"value{kind}"] = draw(values.get(kind, concepts))
    if draw(st.booleans()):
        made["meta"] = {"source": draw(st.sampled_from(URLS))}
    return made


@st.composite
def dosed(draw):
    """A risk: its probability is a number or a range."""
    made = {
        "resourceType": "RiskAssessment",
        "status": "final",
        "subject": {"reference": "Patient/p"},
    }
    low, high = sorted([Decimal(draw(shares)), Decimal(draw(shares))])
    percent = {"system": "http://unitsofmeasure.org", "code": "%"}
    span = {"low": {"value": low} | percent, "high": {"value": high} | percent}
    value = draw(st.sampled_from(["probabilityDecimal", "probabilityRange"]))
    made["prediction"] = [{value: low if value == "probabilityDecimal" else span}]
    return made


# ------------------------------------------------------ the naive evaluation


def at(body, path):
    """Every value at a path of plain names."""
    found = [body]
    for name in path.split("."):
        found = [value[name] for value in found if isinstance(value, dict) and name in value]
        found = [one for value in found for one in (value if isinstance(value, list) else [value])]
    return found


def fold(text):
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return bare.casefold()


FOREVER = datetime(9999, 1, 1, tzinfo=UTC)
NEVER = datetime(1, 1, 1, tzinfo=UTC)


def span(text):
    """The instants that a date covers: from, and to before."""
    if "T" in text:
        first = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return first, first + timedelta(seconds=1)
    parts = [int(part) for part in text.split("-")]
    first = datetime(*[*parts, 1, 1][:3], tzinfo=UTC)
    if len(parts) == 1:
        return first, datetime(parts[0] + 1, 1, 1, tzinfo=UTC)
    if len(parts) == 2:
        return first, (first + timedelta(days=32)).replace(day=1)
    return first, first + timedelta(days=1)


def date_ranges(body, path):
    for value in at(body, f"{path}DateTime"):
        yield span(value)
    for value in at(body, f"{path}Period"):
        yield (
            span(value["start"])[0] if "start" in value else NEVER,
            span(value["end"])[1] if "end" in value else FOREVER,
        )


def date_fits(sign, asked, held):
    (low, high), (first, last) = asked, held
    inside = low <= first and last <= high
    return {
        "eq": inside,
        "ne": not inside,
        "gt": last > high,
        "ge": last > low,
        "lt": first < low,
        "le": first < high,
        "sa": first >= high,
        "eb": last <= low,
    }[sign]


INFINITE = Fraction(10**30)


def number_ranges(value):
    """Least and greatest, and whether each end itself belongs to it."""
    if isinstance(value, dict) and "low" in value:
        yield Fraction(value["low"]["value"]), Fraction(value["high"]["value"]), True, True
        return
    amount = Fraction(value["value"] if isinstance(value, dict) else value)
    sign = value.get("comparator", "") if isinstance(value, dict) else ""
    yield {
        "": (amount, amount, True, True),
        "<": (-INFINITE, amount, False, False),
        "<=": (-INFINITE, amount, False, True),
        ">": (amount, INFINITE, False, False),
        ">=": (amount, INFINITE, True, False),
    }[sign]


def number_fits(sign, text, held):
    exact = Decimal(text)
    here = Fraction(exact)
    half = Fraction(Decimal(5).scaleb(exact.as_tuple().exponent - 1))
    if sign == "ap":
        half = max(half, abs(here) / 10)
    low, high = here - half, here + half
    first, last, with_first, with_last = held
    begins = first >= low
    ends = last < high or (last == high and not with_last)
    return {
        "eq": begins and ends,
        "ne": not (begins and ends),
        "ap": first < high and (last > low or (last == low and with_last)),
        "gt": last > here,
        "ge": last > here or (last == here and with_last),
        "lt": first < here,
        "le": first < here or (first == here and with_first),
        "sa": first > here or (first == here and not with_first),
        "eb": last < here or (last == here and not with_last),
    }[sign]


def tokens(value):
    """System and code of every token of a value."""
    if isinstance(value, str):
        return [("", value)]
    if "value" in value:
        return [(value.get("system", ""), value["value"])]
    return [(c.get("system", ""), c["code"]) for c in value.get("coding", ())]


def token_fits(asked, held):
    system, bar, code = asked.rpartition("|")
    if not bar:
        return held[1] == code
    return held[0] == system and code in ("", held[1])


# ------------------------------------------------------------- the questions

SIGNS = ["", "eq", "ne", "gt", "ge", "lt", "le", "sa", "eb"]


@st.composite
def token_questions(draw):
    name, path = draw(
        st.sampled_from([("code", "code"), ("value-concept", "valueCodeableConcept")])
    )
    forms = st.builds(
        lambda system, code, form: {"both": f"{system}|{code}", "bare": code, "none": f"|{code}"}[
            form
        ],
        st.sampled_from(SYSTEMS),
        st.sampled_from(CODES),
        st.sampled_from(["both", "bare", "none"]),
    )
    asked = draw(
        st.lists(forms | st.sampled_from(SYSTEMS).map("{}|".format), min_size=1, max_size=3)
    )
    negative = draw(st.booleans())

    def fits(body):
        held = [one for value in at(body, path) for one in tokens(value)]
        return any(token_fits(a, h) for a in asked for h in held) != negative

    return f"{name}:not" if negative else name, ",".join(asked), fits


@st.composite
def text_questions(draw):
    asked = draw(st.sampled_from([*NAMES, "an", "ANN"]))

    def fits(body):
        held = at(body, "code.text") + at(body, "code.coding.display")
        return any(fold(text).startswith(fold(asked)) for text in held)

    return "code:text", asked, fits


@st.composite
def string_questions(draw):
    modifier = draw(st.sampled_from(["", ":exact", ":contains"]))
    asked = draw(st.sampled_from([*NAMES, "an", "na", "L"]))
    test = {
        "": lambda text: fold(text).startswith(fold(asked)),
        ":exact": lambda text: text == asked,
        ":contains": lambda text: fold(asked) in fold(text),
    }[modifier]

    def fits(body):
        # R4 takes the text of a concept for a string value too.
        return any(map(test, at(body, "valueString") + at(body, "valueCodeableConcept.text")))

    return f"value-string{modifier}", asked, fits


@st.composite
def date_questions(draw):
    sign, asked = draw(st.sampled_from(SIGNS)), draw(dates)

    def fits(body):
        ranges = date_ranges(body, "effective")
        return any(date_fits(sign or "eq", span(asked), held) for held in ranges)

    return "date", f"{sign}{asked}", fits


@st.composite
def quantity_questions(draw):
    sign, asked = draw(st.sampled_from([*SIGNS, "ap"])), draw(amounts)
    unit = draw(st.sampled_from(["", "|http://unitsofmeasure.org|mg", "||gram", "||g"]))

    def fits(body):
        return any(
            number_fits(sign or "eq", asked, held)
            for value in at(body, "valueQuantity")
            if not unit or unit.rpartition("|")[2] in (value["code"], value["unit"])
            for held in number_ranges(value)
        )

    return "value-quantity", f"{sign}{asked}{unit}", fits


@st.composite
def reference_questions(draw):
    name, value = draw(
        st.sampled_from(
            [
                ("subject", "Patient/p"),
                ("subject", "p"),
                ("subject:Device", "p"),
                ("patient", "p"),
                ("patient", "Device/p"),
                ("subject:missing", "true"),
                ("subject:missing", "false"),
                ("subject:identifier", "urn:a|1"),
                ("subject:identifier", "10"),
            ]
        )
    )
    base, _, modifier = name.partition(":")

    def fits(body):
        held = at(body, "subject")
        if modifier == "missing":
            return (not held) == (value == "true")
        if modifier == "identifier":
            own = [one for h in held for one in tokens(h.get("identifier", {}))]
            return any(token_fits(value, one) for one in own)
        kinds = {"Device": ["Device"]}.get(modifier, ["Patient", "Device", "Group", "Location"])
        kinds = ["Patient"] if base == "patient" else kinds
        wanted = [value] if "/" in value else [f"{kind}/{value}" for kind in kinds]
        wanted = [one for one in wanted if one.partition("/")[0] in kinds]
        return any(h.get("reference") in wanted for h in held)

    return name, value, fits


@st.composite
def uri_questions(draw):
    modifier, asked = draw(st.sampled_from(["", ":below", ":above"])), draw(st.sampled_from(URLS))

    def fits(body):
        return any(
            held == asked
            or (modifier == ":below" and held.startswith(f"{asked}/"))
            or (modifier == ":above" and asked.startswith(f"{held}/"))
            for held in at(body, "meta.source")
        )

    return f"_source{modifier}", asked, fits


@st.composite
def composite_questions(draw):
    code, sign, amount = draw(st.sampled_from(CODES)), draw(st.sampled_from(SIGNS)), draw(amounts)

    def fits(body):
        has = any(token_fits(code, h) for value in at(body, "code") for h in tokens(value))
        return has and any(
            number_fits(sign or "eq", amount, held)
            for value in at(body, "valueQuantity")
            for held in number_ranges(value)
        )

    return "code-value-quantity", f"{code}${sign}{amount}", fits


questions = st.one_of(
    token_questions(),
    text_questions(),
    string_questions(),
    date_questions(),
    quantity_questions(),
    reference_questions(),
    uri_questions(),
    composite_questions(),
)
SETTINGS = settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
count = iter(range(10**9))


def written(kind, bodies):
    """Write them under ids that no other example has."""
    names = {}
    for body in bodies:
        name = f"x{next(count)}"
        store.create(kind, body, by=DR_LIN, id=name)
        names[name] = body
    return names


def found(kind, names, *pairs):
    given = [*pairs, ("_id", ",".join(names)), ("_count", "1000")]
    return sorted(stored.id for stored in search(kind, given, by=DR_LIN).matches)


@SETTINGS
@given(
    bodies=st.lists(observations(), min_size=1, max_size=6),
    asked=st.lists(questions, min_size=4, max_size=10),
)
def test_every_question_finds_what_a_naive_reader_finds(bodies, asked):
    names = written("Observation", bodies)
    for name, value, fits in asked:
        expected = sorted(id_ for id_, body in names.items() if fits(body))
        assert found("Observation", names, (name, value)) == expected, (name, value)


@SETTINGS
@given(
    bodies=st.lists(observations(), min_size=1, max_size=6),
    asked=st.lists(questions, min_size=2, max_size=4),
)
def test_several_criteria_are_all_asked(bodies, asked):
    names = written("Observation", bodies)
    expected = sorted(id_ for id_, body in names.items() if all(f(body) for _, _, f in asked))
    assert found("Observation", names, *((name, value) for name, value, _ in asked)) == expected


@SETTINGS
@given(
    bodies=st.lists(dosed(), min_size=1, max_size=5),
    sign=st.sampled_from([*SIGNS, "ap"]),
    amount=amounts,
)
def test_numbers_and_ranges(bodies, sign, amount):
    names = written("RiskAssessment", bodies)

    def fits(body):
        (prediction,) = body["prediction"]
        value = next(iter(prediction.values()))
        return any(number_fits(sign or "eq", amount, held) for held in number_ranges(value))

    expected = sorted(id_ for id_, body in names.items() if fits(body))
    assert found("RiskAssessment", names, ("probability", f"{sign}{amount}")) == expected


people = st.fixed_dictionaries(
    {"resourceType": st.just("Patient"), "gender": st.sampled_from(["male", "female"])},
    optional={
        "birthDate": st.sampled_from(["1970-01-01", "1980"]),
        "name": st.sampled_from(NAMES).map(lambda name: [{"family": name}]),
    },
)


@SETTINGS
@given(
    patients=st.lists(people, min_size=1, max_size=3),
    bodies=st.lists(observations(), min_size=1, max_size=5),
    picks=st.lists(st.integers(0, 2), min_size=5, max_size=5),
    code=st.sampled_from(CODES),
    asked=st.sampled_from(NAMES),
)
def test_chains_both_ways(patients, bodies, picks, code, asked):
    owners = written("Patient", patients)
    ids = list(owners)
    subjects = [ids[pick % len(ids)] for pick in picks]
    for body, owner in zip(bodies, subjects, strict=False):
        body["subject"] = {"reference": f"Patient/{owner}"}
    names = written("Observation", bodies)

    def called(owner):
        held = at(owners[owner], "name.family")
        return any(fold(name).startswith(fold(asked)) for name in held)

    def coded(body):
        return any(token_fits(code, one) for one in tokens(body["code"]))

    of = {id_: body["subject"]["reference"].removeprefix("Patient/") for id_, body in names.items()}
    expected = sorted(id_ for id_ in names if called(of[id_]))
    assert found("Observation", names, ("subject:Patient.name", asked)) == expected
    assert found("Observation", names, ("patient.name", asked)) == expected
    expected = sorted({of[id_] for id_, body in names.items() if coded(body)})
    assert found("Patient", owners, ("_has:Observation:patient:code", code)) == expected
    twice = sorted(id_ for id_ in names if any(coded(names[o]) for o in names if of[o] == of[id_]))
    question = ("patient._has:Observation:patient:code", code)
    assert found("Observation", names, question) == twice


def least(ranges, *, descending):
    ends = [first for first, _ in ranges]
    return (max(ends) if descending else min(ends)) if ends else None


@SETTINGS
@given(bodies=st.lists(observations(), min_size=2, max_size=8), descending=st.booleans())
def test_sorting_by_date_puts_what_has_none_last(bodies, descending):
    names = written("Observation", bodies)
    given_ = [("_sort", "-date" if descending else "date"), ("_id", ",".join(names))]
    order = [stored.id for stored in search("Observation", given_, by=DR_LIN).matches]
    keys = [
        least(list(date_ranges(names[id_], "effective")), descending=descending) for id_ in order
    ]
    held = [key for key in keys if key is not None]
    assert keys == held + [None] * (len(keys) - len(held))
    assert held == sorted(held, reverse=descending)
