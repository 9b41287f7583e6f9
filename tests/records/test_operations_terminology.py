"""$expand, $validate-code, $lookup, $subsumes, and what search asks the terminology."""

import time

import pytest

from kernel.errors import Invalid
from kernel.principal import SYSTEM
from records import store, terminology, validate
from records.errors import TooCostly
from records.terminology import filters, standard
from tests.records.cast import DR_LIN, DR_SUN, MR_ZHAO, partner

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]
GENDERS = "http://hl7.org/fhir/ValueSet/administrative-gender"
ICD = "http://hospital.example/icd-10"
CARDIAC = "http://hospital.example/vs/cardiac"


def icd(*extra, **more):
    """I20-I25 with their children; I25.9 is no longer used."""
    return {
        "resourceType": "CodeSystem",
        "url": ICD,
        "version": "2026",
        "name": "ICD10CN",
        "title": "国临版疾病分类",
        "status": "active",
        "content": "complete",
        "hierarchyMeaning": "is-a",
        "property": [{"code": "inactive", "type": "boolean"}, {"code": "ward", "type": "string"}],
        "concept": [
            {
                "code": "I20-I25",
                "display": "缺血性心脏病",
                "property": [{"code": "notSelectable", "valueBoolean": True}],
                "concept": [
                    {
                        "code": "I20",
                        "display": "心绞痛",
                        "definition": "Pain of the heart",
                        "designation": [{"language": "en", "value": "Angina pectoris"}],
                        "concept": [
                            {"code": "I20.0", "display": "不稳定型心绞痛"},
                            {"code": "I20.9", "display": "心绞痛,未特指"},
                        ],
                    },
                    {
                        "code": "I25.9",
                        "display": "慢性缺血性心脏病",
                        "property": [{"code": "inactive", "valueBoolean": True}],
                    },
                ],
            },
            {
                "code": "J45",
                "display": "哮喘",
                "property": [{"code": "ward", "valueString": "respiratory"}],
            },
            *extra,
        ],
    } | more


def value_set(*include, url=CARDIAC, **more):
    return {
        "resourceType": "ValueSet",
        "url": url,
        "name": "Cardiac",
        "status": "active",
        "compose": {"include": list(include), **more},
    }


def below(code, op="is-a"):
    return {"system": ICD, "filter": [{"property": "concept", "op": op, "value": code}]}


@pytest.fixture
def loaded():
    """The hospital's own list, and a set of it."""
    store.create("CodeSystem", icd(), by=DR_LIN, id="icd")
    store.create("ValueSet", value_set(below("I20")), by=DR_LIN, id="cardiac")


def codes(answer):
    assert answer.status == 200, answer.text
    validate.check(answer.body)
    return [row["code"] for row in answer.body["expansion"].get("contains", [])]


def said(answer):
    assert answer.status == 200, answer.text
    validate.check(answer.body)
    return {
        row["name"]: next(value for key, value in row.items() if key.startswith("value"))
        for row in answer.body["parameter"]
        if any(key.startswith("value") for key in row)
    }


def test_a_value_set_of_the_standard_expands(api):
    answer = api.get(f"ValueSet/$expand?url={GENDERS}")
    assert codes(answer) == ["male", "female", "other", "unknown"]
    expansion = answer.body["expansion"]
    assert expansion["total"] == 4
    assert expansion["identifier"].startswith("urn:uuid:")
    assert expansion["timestamp"]
    assert expansion["contains"][0]["system"] == "http://hl7.org/fhir/administrative-gender"
    assert "compose" not in answer.body


def test_most_value_sets_of_the_standard_expand():
    library = terminology.Library(SYSTEM)
    good = 0
    for url in standard.value_sets():
        try:
            good += bool(terminology.expand(library.need_value_set(url), library))
        except Invalid as error:
            assert "held" in str(error) or "itself" in str(error), url
    assert good > 1000


def test_pages_and_filters_of_an_expansion(api, loaded):
    whole = f"{ICD}?fhir_vs".replace("?", "%3F")
    assert len(codes(api.get(f"ValueSet/$expand?url={whole}"))) == 6
    page = api.get(f"ValueSet/$expand?url={whole}&offset=1&count=2")
    assert codes(page) == ["I20", "I20.0"]
    assert page.body["expansion"]["total"] == 6
    assert page.body["expansion"]["offset"] == 1
    assert codes(api.get(f"ValueSet/$expand?url={whole}&count=0")) == []
    assert codes(api.get(f"ValueSet/$expand?url={whole}&filter=心绞痛")) == [
        "I20",
        "I20.0",
        "I20.9",
    ]
    assert codes(api.get(f"ValueSet/$expand?url={whole}&filter=i20.")) == ["I20.0", "I20.9"]
    assert codes(api.get(f"ValueSet/$expand?url={whole}&filter=angina")) == ["I20"]
    assert "I25.9" not in codes(api.get(f"ValueSet/$expand?url={whole}&activeOnly=true"))


def test_designations_languages_and_the_definition_when_asked(api, loaded):
    asked = "ValueSet/cardiac/$expand?includeDesignations=true&includeDefinition=true"
    answer = api.get(f"{asked}&displayLanguage=en-GB")
    first = answer.body["expansion"]["contains"][0]
    assert first["display"] == "Angina pectoris"
    assert first["designation"] == [{"language": "en", "value": "Angina pectoris"}]
    assert answer.body["compose"]["include"]
    assert answer.body["id"] == "cardiac"


@pytest.mark.parametrize(
    ("include", "expected"),
    [
        (below("I20"), {"I20", "I20.0", "I20.9"}),
        (below("I20", "descendent-of"), {"I20.0", "I20.9"}),
        (below("I20-I25", "is-not-a"), {"J45"}),
        (below("I20.0", "generalizes"), {"I20.0", "I20", "I20-I25"}),
        (
            {
                "system": ICD,
                "filter": [{"property": "code", "op": "regex", "value": r"I20\.[0-9]"}],
            },
            {"I20.0", "I20.9"},
        ),
        (
            {"system": ICD, "filter": [{"property": "ward", "op": "=", "value": "respiratory"}]},
            {"J45"},
        ),
        ({"system": ICD, "filter": [{"property": "parent", "op": "=", "value": "I20"}]},
         {"I20.0", "I20.9"}),
        ({"system": ICD, "filter": [{"property": "code", "op": "in", "value": "J45,I20"}]},
         {"J45", "I20"}),
        ({"system": ICD, "filter": [{"property": "ward", "op": "exists", "value": "true"}]},
         {"J45"}),
        ({"system": ICD, "concept": [{"code": "J45"}, {"code": "X99", "display": "own"}]},
         {"J45", "X99"}),
        ({"valueSet": [CARDIAC], **below("I20.0", "generalizes")}, {"I20.0", "I20"}),
    ],
)  # fmt: skip
def test_each_way_to_choose_codes(api, loaded, include, expected):
    asked = {
        "resourceType": "Parameters",
        "parameter": [{"name": "valueSet", "resource": value_set(include, url="http://x.example")}],
    }
    assert set(codes(api.post("ValueSet/$expand", asked))) == expected


def test_excluded_codes_are_left_out(api, loaded):
    asked = value_set(below("I20"), url="http://x.example", exclude=[below("I20.0")])
    assert codes(api.post("ValueSet/$expand", asked)) == ["I20", "I20.9"]


def test_a_set_made_of_itself_is_refused(api):
    ring = "http://x.example/ring"
    store.create("ValueSet", value_set({"valueSet": [ring]}, url=ring), by=DR_LIN)
    answer = api.get(f"ValueSet/$expand?url={ring}")
    assert answer.status == 422
    assert "itself" in answer.issues[0][1]


@pytest.mark.parametrize(
    ("asked", "status", "word"),
    [
        ("$expand", 400, "url"),
        ("$expand?url=http://nowhere.example", 404, "not held here"),
        ("nobody/$expand", 404, "no such ValueSet"),
        (f"$expand?url={GENDERS}&count=-1", 400, "count"),
        (f"$expand?url={GENDERS}&activeOnly=perhaps", 400, "activeOnly"),
        (f"$expand?url={GENDERS}&context=x", 400, "context"),
        (f"$expand?url={GENDERS}&url=y", 400, "once"),
        ("$expand?url=http://hl7.org/fhir/ValueSet/condition-cause", 422, "snomed"),
        ("$expand?url=a%00b", 404, "not held here"),
    ],
)
def test_what_cannot_be_expanded_says_why(api, asked, status, word):
    answer = api.get(f"ValueSet/{asked}")
    assert answer.status == status, answer.text
    assert word in answer.issues[0][1]


def test_a_huge_set_is_too_costly_unless_paged(api):
    many = [{"code": f"C{n}", "display": f"Code {n}"} for n in range(10_001)]
    store.create("CodeSystem", icd(*many), by=DR_LIN)
    whole = f"{ICD}%3Ffhir_vs"
    refused = api.get(f"ValueSet/$expand?url={whole}")
    assert (refused.status, refused.issues[0][0]) == (422, "too-costly")
    page = api.get(f"ValueSet/$expand?url={whole}&offset=10000&count=50")
    assert len(codes(page)) == 7
    with pytest.raises(TooCostly, match="more than 1000"):
        terminology.codes_in(f"{ICD}?fhir_vs", by=DR_LIN)


def test_regular_expressions_cannot_run_wild(api):
    long = [{"code": "A" * 90 + str(n), "display": "x"} for n in range(2000)]
    store.create("CodeSystem", icd(*long), by=DR_LIN)
    for pattern, refused in (("(A+)+$", True), ("(A|A)*B", True), (".*.*.*B", False)):
        include = {
            "system": ICD,
            "filter": [{"property": "code", "op": "regex", "value": pattern}],
        }
        began = time.perf_counter()
        answer = api.post("ValueSet/$expand", value_set(include, url="http://x.example"))
        assert time.perf_counter() - began < 5
        assert answer.status == 422 if refused else answer.status in (200, 422)
    with pytest.raises(Invalid):
        filters.tame_pattern("(", "value")


def test_an_update_is_seen_at_once(api, loaded):
    assert len(codes(api.get("ValueSet/cardiac/$expand"))) == 3
    body = icd({"code": "K21", "display": "胃食管反流"})
    body["concept"][0]["concept"][0]["concept"].pop()
    assert api.put("CodeSystem/icd", body | {"id": "icd"}).status == 200
    assert codes(api.get("ValueSet/cardiac/$expand")) == ["I20", "I20.0"]
    assert api.delete("CodeSystem/icd").status == 204
    assert api.get("ValueSet/cardiac/$expand").status == 422


def test_what_hl7_defines_is_not_overruled(api):
    impostor = {
        "resourceType": "ValueSet",
        "url": GENDERS,
        "status": "active",
        "version": "9",
        "compose": {"include": [{"system": ICD, "concept": [{"code": "x"}]}]},
    }
    store.create("ValueSet", impostor, by=DR_LIN)
    assert len(codes(api.get(f"ValueSet/$expand?url={GENDERS}"))) == 4
    assert codes(api.get(f"ValueSet/$expand?url={GENDERS}|9")) == ["x"]
    assert codes(api.get(f"ValueSet/$expand?url={GENDERS}&valueSetVersion=9")) == ["x"]


def test_ones_own_list_counts_before_a_neighbours(api, loaded):
    other = icd()
    other["concept"] = [{"code": "Z00", "display": "theirs"}]
    store.create("CodeSystem", other, by=DR_SUN)
    whole = f"ValueSet/$expand?url={ICD}%3Ffhir_vs"
    assert len(codes(api.get(whole))) == 6
    assert codes(api.get(whole, by=DR_SUN)) == ["Z00"]


def test_a_code_of_the_set_is_valid(api, loaded):
    good = said(api.get(f"ValueSet/$validate-code?url={CARDIAC}&system={ICD}&code=I20.0"))
    assert good == {"result": True, "display": "不稳定型心绞痛"}
    bad = said(api.get(f"ValueSet/cardiac/$validate-code?system={ICD}&code=J45"))
    assert bad["result"] is False
    assert "J45" in bad["message"]
    named = "ValueSet/$validate-code?url={}&system={}&code=I20&display={}".format
    assert said(api.get(named(CARDIAC, ICD, "angina PECTORIS")))["result"] is True
    wrong = said(api.get(named(CARDIAC, ICD, "Asthma")))
    assert (wrong["result"], wrong["display"]) == (False, "心绞痛")


def test_codings_and_concepts_are_checked_too(api, loaded):
    def asked(name, value, **more):
        rows = [{"name": "url", "valueUri": CARDIAC}, {"name": name, **value}, *more.values()]
        body = {"resourceType": "Parameters", "parameter": rows}
        return said(api.post("ValueSet/$validate-code", body))["result"]

    assert asked("coding", {"valueCoding": {"system": ICD, "code": "I20"}})
    assert asked("coding", {"valueCoding": {"code": "I20"}})
    assert not asked("coding", {"valueCoding": {"system": "http://x.example", "code": "I20"}})
    two = [{"system": "http://x.example", "code": "q"}, {"system": ICD, "code": "I20.9"}]
    assert asked("codeableConcept", {"valueCodeableConcept": {"coding": two}})
    assert not asked("codeableConcept", {"valueCodeableConcept": {"text": "angina"}})


def test_codes_that_only_group_need_to_be_asked_for(api, loaded):
    store.create("ValueSet", value_set({"system": ICD}, url="http://x.example/all"), by=DR_LIN)
    asked = f"ValueSet/$validate-code?url=http://x.example/all&system={ICD}&code=I20-I25"
    assert said(api.get(asked))["result"] is False
    assert said(api.get(f"{asked}&abstract=true"))["result"] is True


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"ValueSet/$validate-code?url={GENDERS}", 400),
        ("ValueSet/$validate-code?code=male", 400),
        ("CodeSystem/$validate-code?code=male", 400),
        ("CodeSystem/$validate-code?url=http://nowhere.example&code=x", 404),
        ("CodeSystem/$validate-code?url=http://terminology.hl7.org/CodeSystem/program&code=x", 422),
        ("CodeSystem/$lookup?code=male", 400),
        ("CodeSystem/$lookup?system=http://hl7.org/fhir/administrative-gender&code=x", 404),
        ("CodeSystem/$subsumes?system=http://hl7.org/fhir/administrative-gender&codeA=male", 400),
        ("CodeSystem/$expand?url=x", 404),
    ],
)
def test_questions_that_say_too_little(api, path, status):
    answer = api.get(path)
    assert answer.status == status, answer.text
    assert answer.issues


def test_a_code_system_knows_its_codes(api, loaded):
    asked = f"CodeSystem/$validate-code?url={ICD}&code="
    assert said(api.get(f"{asked}I20-I25"))["result"] is True
    assert said(api.get(f"{asked}nothing"))["result"] is False
    assert said(api.get("CodeSystem/icd/$validate-code?code=J45"))["display"] == "哮喘"


def test_a_code_is_looked_up_with_its_family(api, loaded):
    answer = api.get(f"CodeSystem/$lookup?system={ICD}&code=I20")
    assert said(answer) == {"name": "国临版疾病分类", "version": "2026", "display": "心绞痛"}
    parts = [
        {part["name"]: next(v for k, v in part.items() if k.startswith("value"))
         for part in row["part"]}
        for row in answer.body["parameter"]
        if "part" in row
    ]  # fmt: skip
    assert {"language": "en", "value": "Angina pectoris"} in parts
    for row in (
        {"code": "parent", "value": "I20-I25"},
        {"code": "child", "value": "I20.0"},
        {"code": "inactive", "value": False},
        {"code": "definition", "value": "Pain of the heart"},
    ):
        assert row in parts
    only = api.get(f"CodeSystem/$lookup?system={ICD}&code=I20&property=parent")
    assert [row["name"] for row in only.body["parameter"]].count("property") == 1


def test_lookup_takes_a_coding(api, loaded):
    coding = {"name": "coding", "valueCoding": {"system": ICD, "code": "J45"}}
    body = {"resourceType": "Parameters", "parameter": [coding]}
    assert said(api.post("CodeSystem/$lookup", body))["display"] == "哮喘"


@pytest.mark.parametrize(
    ("first", "second", "outcome"),
    [
        ("I20", "I20", "equivalent"),
        ("I20-I25", "I20.0", "subsumes"),
        ("I20.0", "I20-I25", "subsumed-by"),
        ("I20.0", "J45", "not-subsumed"),
    ],
)
def test_one_code_stands_above_another(api, loaded, first, second, outcome):
    asked = f"CodeSystem/$subsumes?system={ICD}&codeA={first}&codeB={second}"
    assert said(api.get(asked)) == {"outcome": outcome}
    assert said(api.get(f"CodeSystem/icd/$subsumes?codeA={first}&codeB={second}"))["outcome"]


def test_a_hierarchy_may_be_told_by_properties_and_cases_may_not_matter(api):
    flat = {
        "resourceType": "CodeSystem",
        "url": "http://x.example/flat",
        "status": "active",
        "content": "complete",
        "caseSensitive": False,
        "concept": [
            {"code": "top", "property": [{"code": "child", "valueCode": "left"}]},
            {"code": "left"},
            {"code": "right", "property": [{"code": "parent", "valueCode": "top"}]},
            {"code": "both", "property": [
                {"code": "parent", "valueCode": "left"}, {"code": "parent", "valueCode": "right"},
            ]},
        ],
    }  # fmt: skip
    store.create("CodeSystem", flat, by=DR_LIN)
    system = "http://x.example/flat"
    assert terminology.below(system, "TOP", by=DR_LIN) == {
        (system, code) for code in ("top", "left", "right", "both")
    }
    assert len(terminology.above(system, "both", by=DR_LIN)) == 4
    assert terminology.below(system, "none", by=DR_LIN) == frozenset()


def test_search_asks_for_the_codes_of_a_set(loaded):
    assert terminology.codes_in(CARDIAC, by=DR_LIN) == {
        (ICD, code) for code in ("I20", "I20.0", "I20.9")
    }
    for ask in (
        lambda: terminology.codes_in("http://nowhere.example", by=DR_LIN),
        lambda: terminology.below("http://nowhere.example", "x", by=DR_LIN),
        lambda: terminology.above("http://nowhere.example", "x", by=DR_LIN),
    ):
        with pytest.raises(Invalid, match=r"nowhere\.example"):
            ask()


def test_knowledge_is_everybodys_but_scopes_hold(api, loaded):
    asked = f"ValueSet/$expand?url={CARDIAC}"
    for anyone in (DR_SUN, MR_ZHAO, partner()):
        assert len(codes(api.get(asked, by=anyone))) == 3
    narrow = partner("system/ValueSet.rs")
    assert api.get(asked, by=narrow).status == 422  # its code system is not this token's to read
    assert len(codes(api.get(f"ValueSet/$expand?url={GENDERS}", by=narrow))) == 4
    stranger = partner("system/Patient.rs")
    for path in (
        asked,
        f"ValueSet/$validate-code?url={CARDIAC}&system={ICD}&code=I20",
        f"CodeSystem/$lookup?system={ICD}&code=I20",
        f"CodeSystem/$subsumes?system={ICD}&codeA=I20&codeB=J45",
    ):
        assert api.get(path, by=stranger).status == 403
    with pytest.raises(Invalid, match="not held here"):
        terminology.codes_in(CARDIAC, by=stranger)
