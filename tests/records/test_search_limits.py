"""What asks for much is answered, or refused, within a second; neighbours come along once."""

import time

import pytest

from records.search import includes
from tests.records.cast import DR_SUN, MR_ZHAO, observation, partner, patient

pytestmark = [pytest.mark.embedded, pytest.mark.django_db]

SUBSETTED = "SUBSETTED"


def quickly(api, path, **more):
    began = time.monotonic()
    answer = api.get(path, **more)
    assert time.monotonic() - began < 1.5, path
    return answer


@pytest.fixture
def chain(api):
    """Organizations in a row, the last part of the first."""
    for n in range(6):
        above = f"Organization/o{(n + 1) % 6}"
        body = {"resourceType": "Organization", "id": f"o{n}", "name": f"House {n}"}
        assert api.put(f"Organization/o{n}", body | {"partOf": {"reference": above}}).status == 201
    return api


def test_include_iterates_round_a_circle(chain):
    once = chain.get("Organization?_id=o0&_include=Organization:partof")
    assert once.ids == ["o0", "o1"]
    round_ = chain.get("Organization?_id=o0&_include:iterate=Organization:partof")
    assert sorted(round_.ids) == [f"o{n}" for n in range(6)]
    back = chain.get("Organization?_id=o0&_revinclude:iterate=Organization:partof")
    assert sorted(back.ids) == [f"o{n}" for n in range(6)]
    modes = [entry["search"]["mode"] for entry in round_.entries]
    assert modes == ["match"] + ["include"] * 5


def test_include_follows_what_was_included(api):
    api.put("Organization/clinic", {"resourceType": "Organization", "id": "clinic", "name": "C"})
    api.put("Patient/p", patient(id="p", managingOrganization={"reference": "Organization/clinic"}))
    api.put("Observation/o", observation("Patient/p", id="o"))
    plain = "Observation?_id=o&_include=Observation:subject&_include=Patient:organization"
    assert api.get(plain).ids == ["o", "p"]
    iterated = plain.replace("_include=Patient", "_include:iterate=Patient")
    assert api.get(iterated).ids == ["o", "p", "clinic"]
    everything = api.get("Patient?_id=p&_revinclude=*&_include=*").ids
    assert (everything[0], sorted(everything[1:])) == ("p", ["clinic", "o"])
    assert api.get("Observation?_id=o&_include=Observation:patient:Patient").ids == ["o", "p"]
    assert api.get("Observation?_id=o&_include=Observation:patient:Device").ids == ["o"]


def test_more_neighbours_than_fit_are_said(api, monkeypatch):
    api.put("Patient/p", patient(id="p"))
    for n in range(4):
        api.put(f"Observation/o{n}", observation("Patient/p", id=f"o{n}"))
    path = "Patient?_id=p&_revinclude=Observation:subject"
    monkeypatch.setattr(includes, "MOST", 4)
    assert [entry["search"]["mode"] for entry in api.get(path).entries][1:] == ["include"] * 4
    monkeypatch.setattr(includes, "MOST", 3)
    *near, said = api.get(path).entries[1:]
    assert [entry["search"]["mode"] for entry in near] == ["include"] * 3
    assert said["search"]["mode"] == "outcome"
    assert said["resource"]["issue"][0]["code"] == "too-costly"


def test_long_texts_are_compared_far_enough(api):
    long = "x" * 700
    api.put("Patient/p", patient(id="p", name=[{"family": f"{long} end"}]))
    assert api.get("Patient?family:contains=x end").ids == ["p"]
    assert api.get(f"Patient?family:exact={long} end").ids == ["p"]
    assert api.get(f"Patient?family:exact={long} other").ids == []
    beyond = "界" * 5000
    assert api.put("Patient/q", patient(id="q", name=[{"family": beyond}])).status == 201
    coded = {"coding": [{"system": "urn:" + "s" * 3000, "code": "c" * 3000, "display": beyond}]}
    said = observation(id="o") | {"code": coded, "valueString": beyond}
    del said["valueQuantity"]
    assert api.put("Observation/o", said).status == 201
    assert api.get("Patient?family=" + "界" * 100).ids == ["q"]


def test_nothing_comes_along_that_one_may_not_see(api):
    api.put("Patient/p", patient(id="p"))
    api.put("Observation/o", observation("Patient/p", id="o"))
    for path in (
        "Patient?_id=p&_revinclude=Observation:subject",
        "Patient?_id=p&_revinclude=*",
        "Observation?_id=o&_include=*",
    ):
        assert api.get(path, by=DR_SUN).ids == []
        assert api.get(path, by=MR_ZHAO).ids == []
    nosy = partner("system/Patient.rs")
    assert api.get("Patient?_has:Observation:subject:code=8867-4", by=nosy).status == 403
    assert api.get("Patient?_list=l", by=nosy).status == 403


def test_five_hundred_alternatives(api):
    api.put("Patient/p", patient(id="p"))
    codes = ",".join(f"http://hospital.example/mrn|M-{n}" for n in range(500))
    assert quickly(api, f"Patient?identifier={codes}").ids == ["p"]
    names = ",".join(f"zh{n}" for n in range(499))
    assert quickly(api, f"Patient?name={names},zhao").ids == ["p"]
    days = ",".join(f"ge{year}-01-01" for year in range(1500, 2000))
    assert quickly(api, f"Patient?birthdate={days}").ids == ["p"]
    amounts = ",".join(f"gt{n}.5|http://unitsofmeasure.org|mg" for n in range(500))
    assert quickly(api, f"Observation?value-quantity={amounts}").ids == []
    pairs = ",".join(f"8867-4${n}" for n in range(500))
    assert quickly(api, f"Observation?code-value-quantity={pairs}").ids == []


def test_a_deep_chain_is_followed_and_a_deeper_one_refused(chain):
    deep = "partof." * 5
    assert quickly(chain, f"Organization?{deep}name=House 0").ids == ["o1"]
    assert quickly(chain, f"Organization?partof.{deep}name=House 0").status == 400
    has = "_has:Organization:partof:" * 5
    assert quickly(chain, f"Organization?{has}name=House 0").ids == ["o5"]
    many = "&".join(f"_include:iterate=Organization:partof&x{n}=1" for n in range(50))
    assert quickly(chain, f"Organization?{many}").status == 400


@pytest.mark.parametrize(
    "value",
    ["'; DROP TABLE records_resource; --", "a' OR '1'='1", "%s%s%s", "\\", "\\\\", "$", "|", "||"],
)
def test_sql_in_a_value_is_a_value(api, value):
    api.put("Patient/p", patient(id="p", name=[{"family": value}]))
    for name in ("identifier", "name", "name:exact", "name:contains", "_id", "organization"):
        answer = api.send("POST", "Patient/_search", f"{name}={value}".replace("%", "%25"),
                          kind="application/x-www-form-urlencoded")  # fmt: skip
        assert answer.status in (200, 400), answer.text
    assert api.get("Patient").ids == ["p"]


def test_escapes(api):
    odd = "a,b|c$d\\e"
    api.put("Patient/p", patient(id="p", identifier=[{"system": "urn:s", "value": odd}]))
    escaped = "a\\,b\\|c\\$d\\\\e"
    assert api.get(f"Patient?identifier={escaped}").ids == ["p"]
    assert api.get(f"Patient?identifier=urn:s|{escaped}").ids == ["p"]
    assert api.get("Patient?identifier=a,b").ids == []


@pytest.mark.parametrize(
    ("query", "kept", "left_out"),
    [
        ("_summary=true", {"name", "gender", "identifier"}, {"text", "contact", "photo"}),
        ("_summary=text", {"text"}, {"name", "gender", "contact"}),
        ("_summary=data", {"name", "contact"}, {"text"}),
        ("_elements=gender,contact", {"gender", "contact"}, {"name", "text"}),
        ("_elements=Patient.gender", {"gender"}, {"name", "text"}),
        ("_elements=deceased", {"deceasedBoolean"}, {"name"}),
    ],
)
def test_less_than_the_whole(api, query, kept, left_out):
    body = patient(
        id="p",
        deceasedBoolean=False,
        contact=[{"name": {"text": "B"}}],
        text={
            "status": "generated",
            "div": '<div xmlns="http://www.w3.org/1999/xhtml">A</div>',
        },
    )
    assert api.put("Patient/p", body).status == 201
    for found in (
        api.get(f"Patient?{query}").entries[0]["resource"],
        api.get(f"Patient/p?{query}").body,
    ):
        assert kept <= found.keys()
        assert not left_out & found.keys()
        assert {"resourceType", "id", "meta"} <= found.keys()
        assert found["meta"]["tag"][0]["code"] == SUBSETTED
        assert found["meta"]["versionId"] == "1"
    assert "tag" not in api.get("Patient/p").body["meta"]
    assert api.get("Patient/p?_summary=false").text == api.get("Patient/p").text


def test_a_summary_keeps_what_a_resource_cannot_do_without(api):
    api.put("Observation/o", observation(id="o", note=[{"text": "n"}]))
    found = api.get("Observation?_elements=subject").entries[0]["resource"]
    assert found.keys() == {"resourceType", "id", "meta", "status", "code", "subject"}
    assert "note" not in api.get("Observation/o?_summary=true").body
    assert api.get("Observation/o?_summary=much").status == 400
    counted = api.get("Observation?_summary=count").body
    assert (counted["total"], "entry" in counted) == (1, False)


@pytest.mark.parametrize(
    "path",
    [
        "Patient?" + "&".join(["name=zhao"] * 101),
        "Patient?identifier=" + ",".join(["x"] * 2001),
        "Patient?" + "&".join(["_revinclude:iterate=Observation:subject"] * 41),
        "Task?" + "focus." * 5 + "_id=1",
        "Provenance?" + "entity." * 5 + "status=x",
        "Patient?name=" + "a" * 100_000 + "\0",
        "Patient?_sort=" + ",".join(["name"] * 9),
        "Patient?birthdate=ge" + "9" * 10_000,
        "Observation?value-quantity=" + "9" * 10_000,
        "Patient?identifier:of-type=" + "|" * 10_000,
    ],
)
def test_what_asks_too_much_is_refused_at_once(api, path):
    assert quickly(api, path).status == 400


def test_much_that_is_still_answered(api):
    api.put("Patient/p", patient(id="p"))
    assert quickly(api, "Patient?" + "&".join(["name=zhao"] * 100)).ids == ["p"]
    form = "application/x-www-form-urlencoded"
    many = "identifier=" + ",".join(["x"] * 1999) + ",M-1"
    assert api.post("Patient/_search", many, kind=form).ids == ["p"]
    assert quickly(api, "Patient?name=" + "a" * 100_000).ids == []
    every = "_include=*&_revinclude=*&_include:iterate=*&_revinclude:iterate=*"
    assert quickly(api, f"Patient?{every}").ids == ["p"]


def test_compartments(api):
    api.put("Patient/p", patient(id="p"))
    visit = {
        "resourceType": "Encounter",
        "id": "e",
        "status": "finished",
        "class": {"code": "AMB"},
        "subject": {"reference": "Patient/p"},
    }
    assert api.put("Encounter/e", visit).status == 201
    in_visit = observation("Patient/p", id="o") | {"encounter": {"reference": "Encounter/e"}}
    api.put("Observation/o", in_visit)
    made_by = observation("Patient/q", id="by") | {"performer": [{"reference": "Patient/p"}]}
    api.put("Observation/by", made_by)
    api.put("Observation/other", observation("Patient/q", id="other"))
    assert api.get("Patient/p/Observation?_sort=_id").ids == ["by", "o"]
    assert api.get("Patient/p/Observation?subject=Patient/p").ids == ["o"]
    assert api.get("Encounter/e/Observation").ids == ["o"]
    page = api.get("Patient/p/Observation?_count=1&_sort=_id")
    assert page.link("next").startswith("http://testserver/fhir/Patient/p/Observation?")
    assert api.get(page.link("next")).ids == ["o"]
    assert api.get(page.link("next").replace("Patient/p", "Patient/q")).status in (400, 404)
    for nowhere in ("Patient/p/Location", "Patient/nobody/Observation", "Location/l/Observation"):
        assert api.get(nowhere).status == 404


def test_a_zone_survives_a_form(api):
    api.put("Observation/o", observation(id="o", at="2024-05-01T18:00:00+08:00"))
    assert api.get("Observation?date=2024-05-01T18:00:00+08:00").ids == ["o"]
    assert api.get("Observation?date=2024-05-01T10:00:00Z").ids == ["o"]
    assert api.get("Observation?_lastUpdated=gt2020-01-01T00:00:00+08:00").ids == ["o"]
