"""Transactions are all or nothing, errors name the entry, references find their way."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from records.models import Resource
from tests.records.cast import observation, patient

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]

URN = "urn:uuid:00000000-0000-4000-8000-000000000000"
MRN = "identifier=http://hospital.example/mrn|M-1"


def post(resource, full_url=None, **request):
    entry = {"request": {"method": "POST", "url": resource["resourceType"], **request}}
    return entry | {"resource": resource} | ({"fullUrl": full_url} if full_url else {})


def test_references_inside_the_bundle_are_resolved(api, bundle_of):
    done = api.post("", bundle_of(post(observation(URN)), post(patient(), URN)))
    assert done.status == 200, done.text
    assert done.body["type"] == "transaction-response"
    where = [entry["response"]["location"] for entry in done.entries]
    found = api.get(where[0].partition("/_history")[0]).body
    assert found["subject"]["reference"] == where[1].partition("/_history")[0]
    assert [entry["response"]["status"] for entry in done.entries] == ["201 Created"] * 2
    assert all(entry["response"]["etag"] == 'W/"1"' for entry in done.entries)


def test_conditional_references_find_what_is_there(api, bundle_of):
    made = api.post("Patient", patient()).body["id"]
    done = api.post(
        "", bundle_of(post(observation(f"Patient?{MRN}"))), Prefer="return=representation"
    )
    assert done.entries[0]["resource"]["subject"]["reference"] == f"Patient/{made}"


def test_conditional_references_find_neighbours_in_the_bundle(api, bundle_of):
    entries = post(observation(f"Patient?{MRN}")), post(patient())
    done = api.post("", bundle_of(*entries), Prefer="return=representation")
    assert done.status == 200, done.text
    target = done.entries[0]["resource"]["subject"]["reference"]
    assert target == f"Patient/{done.entries[1]['resource']['id']}"


def test_a_conditional_reference_to_nothing_or_to_two_is_refused(api, bundle_of):
    bundle = bundle_of(post(observation(f"Patient?{MRN}")))
    assert (
        api.post("", bundle).issues[0][1].startswith("Bundle.entry[0].resource.subject.reference")
    )
    api.post("Patient", patient())
    api.post("Patient", patient())
    assert api.post("", bundle).status == 412
    assert Resource.objects.filter(kind="Observation").count() == 0


def test_if_none_exist_takes_what_is_there(api, bundle_of):
    entries = post(patient(), URN, ifNoneExist=MRN), post(observation(URN))
    first = api.post("", bundle_of(*entries))
    second = api.post("", bundle_of(*entries))
    assert [e["response"]["status"][:3] for e in first.entries] == ["201", "201"]
    assert [e["response"]["status"][:3] for e in second.entries] == ["200", "201"]
    assert Resource.objects.filter(kind="Patient").count() == 1
    made = second.entries[1]["response"]["location"].partition("/_history")[0]
    subject = api.get(made).body["subject"]["reference"]
    assert first.entries[0]["response"]["location"].startswith(subject)


def test_one_wrong_entry_undoes_all_and_is_named(api, bundle_of):
    wrong = patient(name=[{"famly": "x"}])
    refused = api.post("", bundle_of(post(patient()), post(observation()), post(wrong)))
    assert refused.status == 422
    assert refused.body["issue"][0]["expression"] == ["Bundle.entry[2].resource.name[0].famly"]
    assert Resource.objects.count() == 0


@pytest.mark.parametrize(
    ("entry", "path"),
    [
        ({"resource": patient()}, "Bundle.entry[0].request"),
        ({"request": {"method": "POST", "url": "Patient"}}, "Bundle.entry[0].resource"),
        ({"request": {"method": "POST"}, "resource": patient()}, "Bundle.entry[0].request.url"),
        ({"request": {"method": "BREW", "url": "Patient"}}, "Bundle.entry[0].request.method"),
        ({"request": {"method": "DELETE", "url": "Spaceship/1"}}, "Bundle.entry[0].request.url"),
        (
            {"request": {"method": "PUT", "url": "Patient"}, "resource": patient()},
            "Bundle.entry[0].request.url",
        ),
        (
            {"request": {"method": "PUT", "url": "Patient/1"}, "resource": patient(id="2")},
            "Bundle.entry[0].resource.id",
        ),
        (post(observation("urn:uuid:nowhere")), "Bundle.entry[0].resource.subject.reference"),
        (post(patient(), ifNoneExist="shoe=9"), "Bundle.entry[0]: shoe"),
        ("what", "Bundle.entry[0].request"),
    ],
)
def test_entries_that_cannot_be(api, bundle_of, entry, path):
    refused = api.post("", bundle_of(entry))
    assert refused.status == 422
    assert refused.body["issue"][0]["expression"] == [path]


def test_two_entries_for_one_resource_are_refused(api, bundle_of):
    entry = ("PUT", "Patient/1", patient(id="1"))
    assert api.post("", bundle_of(entry, entry)).status == 422


def test_all_methods_in_one_transaction(api, bundle_of):
    api.put("Patient/old", patient(id="old"))
    api.put("Patient/kept", patient(id="kept"))
    done = api.post(
        "",
        bundle_of(
            ("DELETE", "Patient/old", None),
            post(patient()),
            ("PUT", "Patient/kept", patient(id="kept", gender="male")),
            ("GET", "Patient/kept", None),
            ("GET", "Patient?gender=male", None),
        ),
    )
    codes = [entry["response"]["status"][:3] for entry in done.entries]
    assert codes == ["204", "201", "200", "200", "200"]
    assert done.entries[3]["resource"]["gender"] == "male"
    assert done.entries[4]["resource"]["total"] == 1
    assert api.get("Patient/old").status == 410


def test_if_match_inside_a_bundle(api, bundle_of):
    api.put("Patient/1", patient(id="1"))
    entry = {
        "request": {"method": "PUT", "url": "Patient/1", "ifMatch": 'W/"7"'},
        "resource": patient(id="1"),
    }
    refused = api.post("", bundle_of(post(patient()), entry))
    assert refused.status == 412
    assert "Bundle.entry[1]" in refused.issues[0][1]
    assert Resource.objects.count() == 1


def test_a_batch_answers_each_entry(api, bundle_of):
    wrong = patient(gender="bogus")
    done = api.post(
        "", bundle_of(post(patient()), post(wrong), ("GET", "Patient/x", None), type_="batch")
    )
    assert done.status == 200
    assert [e["response"]["status"][:3] for e in done.entries] == ["201", "422", "404"]
    said = done.entries[1]["response"]["outcome"]["issue"][0]
    assert said["expression"] == ["Bundle.entry[1].resource.gender"]
    assert Resource.objects.count() == 1


def test_fifty_entries_take_few_statements(api, bundle_of):
    entries = [post(patient(), URN)] + [post(observation(URN, value=n)) for n in range(49)]
    bundle = bundle_of(*entries)
    with CaptureQueriesContext(connection) as seen:
        assert api.post("", bundle).status == 200
    assert len([q for q in seen if "SAVEPOINT" not in q["sql"]]) <= 8


def test_other_bundles_are_not_carried_out(api):
    for body in (
        {"resourceType": "Bundle", "type": "document"},
        patient(),
        {"resourceType": "Bundle"},
    ):
        assert api.post("", body).status == 422
