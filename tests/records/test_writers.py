"""Several writers at once, and many writes in one: none is lost, none waits for ever."""

import threading

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from records import store, writing
from records.models import IndexRow, Resource, ResourceVersion
from tests.records.cast import DR_LIN, observation, patient

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]
ROUNDS = 12


def at_once(*jobs):
    """Run ``jobs`` in threads that begin together; their results. A fault fails the test."""
    start, results, faults = threading.Barrier(len(jobs)), [None] * len(jobs), []

    def run(place, job):
        try:
            start.wait()
            results[place] = job()
        except BaseException as error:  # noqa: BLE001  it is asserted on below
            faults.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    return results


def puts(names):
    return [("PUT", f"Patient/{name}", patient(id=name)) for name in names]


@pytest.mark.django_db(transaction=True)
def test_bundles_in_opposite_orders_do_not_wait_for_each_other(api, bundle_of):
    names = [f"p{n}" for n in range(8)]

    def write(order):
        return lambda: [api.post("", bundle_of(*puts(order))).status for _ in range(ROUNDS)]

    there, back = at_once(write(names), write(names[::-1]))
    assert set(there + back) <= {200, 409}
    won = (there + back).count(200)
    versions = set(Resource.objects.filter(kind="Patient").values_list("version", flat=True))
    assert versions == {won}, "a Bundle was written in part"
    assert ResourceVersion.objects.count() == won * len(names)


@pytest.mark.django_db(transaction=True)
def test_who_creates_second_is_told_so(api):
    for number in range(ROUNDS):
        name = f"p{number}"

        def create(name=name):
            return api.put(f"Patient/{name}", patient(id=name), If_None_Match="*").status

        first, second = sorted(at_once(create, create))
        # 409 says that both wrote at the very same moment, 412 that it was there already.
        assert first == 201
        assert second in (409, 412)
        assert store.read("Patient", name, by=DR_LIN).version == 1


@pytest.mark.django_db(transaction=True)
def test_who_updates_second_what_both_saw_is_told_so(api):
    api.put("Patient/zhao", patient(id="zhao"))
    for version in range(1, ROUNDS):

        def update(version=version):
            seen = f'W/"{version}"'
            return api.put("Patient/zhao", patient(id="zhao"), If_Match=seen).status

        assert sorted(at_once(update, update)) == [200, 412]
        assert store.read("Patient", "zhao", by=DR_LIN).version == version + 1


def count_of(api, bundle):
    with CaptureQueriesContext(connection) as seen:
        assert api.post("", bundle).status == 200
    return len([q for q in seen if not q["sql"].lstrip().startswith(("SAVEPOINT", "RELEASE"))])


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite takes plain inserts")
def test_a_transaction_takes_as_many_statements_for_two_as_for_two_hundred(api, bundle_of):
    def mixed(number, tag):
        news = [("POST", "Observation", observation(value=n)) for n in range(number)]
        return bundle_of(*puts(f"{tag}{n}" for n in range(number)), *news)

    api.post("", mixed(2, "warm"))
    few, many = count_of(api, mixed(2, "a")), count_of(api, mixed(200, "b"))
    assert many == few <= 12
    assert count_of(api, mixed(200, "b")) == count_of(api, mixed(2, "a"))


def test_what_is_written_in_portions_is_one_transaction(api, bundle_of, monkeypatch):
    monkeypatch.setattr(writing, "PORTION", 7)
    urn = "urn:uuid:00000000-0000-4000-8000-000000000000"
    person = {
        "fullUrl": urn,
        "resource": patient(),
        "request": {"method": "POST", "url": "Patient"},
    }
    notes = [("POST", "Observation", observation(urn, value=n)) for n in range(30)]
    done = api.post("", bundle_of(*notes, person))
    assert [entry["response"]["status"] for entry in done.entries] == ["201 Created"] * 31
    reference = done.entries[30]["response"]["location"].partition("/_history")[0]
    assert api.get(f"Observation?subject={reference}&_summary=count").body["total"] == 30
    before = Resource.objects.count(), IndexRow.objects.count()
    stale = {"resource": patient(id="x"), "request": {"method": "PUT", "url": "Patient/x"}}
    stale["request"]["ifMatch"] = 'W/"3"'
    assert api.post("", bundle_of(*notes, person, stale)).status == 412
    assert (Resource.objects.count(), IndexRow.objects.count()) == before


def test_more_entries_than_the_setting_allows_are_refused(api, bundle_of, settings):
    settings.FHIR_MOST_ENTRIES = 3
    refused = api.post("", bundle_of(*puts("abcd")))
    assert (refused.status, Resource.objects.count()) == (422, 0)
    assert "at most 3" in refused.issues[0][1]
