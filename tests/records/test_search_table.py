"""The table of search parameters against R4's own list, code by code."""

import io
import json
from pathlib import Path

import pytest
from django.core.management import call_command

from records.definitions import search_rows
from records.kinds import KINDS
from records.models import IndexRow
from records.search import parameters
from records.search.comparisons import compare
from tests.records.cast import observation, patient

OFFICIAL = (
    Path(__file__).resolve().parents[3]
    / "shared/data/fhir/definitions/search-parameters-google-fhir-4.0.1.json"
)
LEFT_OUT = {
    "phonetic": "a comparison by sound, which nobody defines",
    "_text": "full text",
    "_content": "full text",
    "_query": "named queries",
    "_filter": "a language of its own",
    "age": "R4 gives no expression; birthdate says the same",
    "part-agree": "an example of how to define one",
}
EXAMPLES = "http://hl7.org/fhir/SearchParameter/example"


def official():
    if not OFFICIAL.exists():
        pytest.skip("the official definitions are not on this machine")
    listed = [entry["resource"] for entry in json.loads(OFFICIAL.read_text())["entry"]]
    return {
        (base, parameter["code"]): parameter
        for parameter in listed
        for base in parameter.get("base", ())
        if (not parameter["url"].startswith(EXAMPLES) or parameter["code"] == "part-agree")
        and base in {*KINDS, "Resource", "DomainResource"}
    }


def test_every_parameter_of_the_standard_is_there():
    missing = {
        (kind, code)
        for kind, code in official()
        if code not in search_rows(kind) and code not in LEFT_OUT
    }
    assert missing == set()


def test_there_is_none_that_the_standard_has_not():
    known = official()
    more = {
        (kind, code) for kind in (*KINDS, "Resource") for code in search_rows(kind)
    } - known.keys()
    assert more == set()


def test_types_and_addresses_are_those_of_the_standard():
    for (kind, code), parameter in official().items():
        row = search_rows(kind).get(code)
        if row:
            assert parameter["url"].removeprefix("http://hl7.org/fhir/SearchParameter/") == row[0]
            assert parameter["type"] == row[1], (kind, code)


def test_every_place_can_be_looked_at():
    for kind in KINDS:
        parameters._extractors(kind)
        for parameter in parameters.of(kind).values():
            if parameter.type == "composite":
                assert len(parameter.components) >= 2
                assert all(parameter.component(n).datatypes for n in range(2))
            elif parameter.type in ("token", "string", "uri", "reference"):
                assert compare(parameter, "", "x")


@pytest.mark.django_db
@pytest.mark.embedded
def test_the_index_can_be_made_anew(api):
    api.put("Patient/p", patient(id="p"))
    api.put("Patient/gone", patient(id="gone"))
    api.delete("Patient/gone")
    api.put("Observation/o", observation("Patient/p", id="o"))
    before = set(IndexRow.objects.values_list("k", "v", "resource_id"))
    IndexRow.objects.filter(resource__kind="Patient").delete()
    IndexRow.objects.create(k=1, v=b"stale", resource_id=next(iter(before))[2])
    call_command("reindex_fhir", stdout=io.StringIO())
    assert set(IndexRow.objects.values_list("k", "v", "resource_id")) == before
    assert api.get("Patient?name=zhao").ids == ["p"]
