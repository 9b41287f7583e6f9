"""Whole hospitals load: Synthea's transactions and batches, in the order that they ask for."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from kernel.principal import SYSTEM
from records import jsontext, store
from records.management.commands.load_fhir import load
from records.models import Resource
from records.search import search
from tests.records.cast import DR_LIN, NORTH, patient

DATA = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "fhir"

pytestmark = pytest.mark.django_db


@pytest.mark.skipif(not DATA.exists(), reason="the Synthea bundles are not on this machine")
@pytest.mark.parametrize(("folder", "count"), [("synthea", 3154), ("synthea-2021", 11106)])
def test_a_hospital_loads_whole(folder, count):
    files = sorted((DATA / folder).iterdir(), key=lambda p: ("Information" not in p.name, p.name))
    statuses = {}
    for path in files:
        for status, number in load(path, institution=NORTH).items():
            statuses[status] = statuses.get(status, 0) + number
    assert statuses == {"201": count}
    assert Resource.objects.count() == count
    patients = search("Patient", [("_count", "100")], by=DR_LIN).matches
    assert len(patients) == len(files) - 2
    one = patients[0].reference
    observations = search("Observation", [("patient", one), ("_sort", "-date")], by=DR_LIN)
    assert observations.matches
    assert all(found.body["subject"]["reference"] == one for found in observations.matches)
    dates = [found.body["effectiveDateTime"] for found in observations.matches]
    assert [d[:10] for d in dates] == sorted((d[:10] for d in dates), reverse=True)
    encounter = search("Encounter", [("patient", one), ("_count", "1")], by=DR_LIN).matches[0]
    provider = encounter.body["serviceProvider"]["reference"].split("/")
    assert store.read(*provider, by=SYSTEM).kind == "Organization"


@pytest.mark.embedded
def test_single_resources_load_under_their_own_id(tmp_path):
    path = tmp_path / "zhao.json"
    path.write_text(jsontext.dumps(patient(id="zhao")))
    call_command("load_fhir", str(path), institution=NORTH)
    assert store.read("Patient", "zhao", by=DR_LIN).body["gender"] == "female"


@pytest.mark.embedded
def test_a_file_that_is_refused_is_named(tmp_path):
    path = tmp_path / "wrong.json"
    path.write_text(jsontext.dumps(patient(id="zhao", gender="bogus")))
    with pytest.raises(CommandError, match=r"wrong\.json.*Patient\.gender"):
        call_command("load_fhir", str(path))
    assert Resource.objects.count() == 0
