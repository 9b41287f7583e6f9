"""The store writes versions that stay, serves the text it was given, and loses no update."""

import threading
from decimal import Decimal

import pytest
from django.db import close_old_connections, connection, connections
from django.test.utils import CaptureQueriesContext

from kernel.errors import Conflict, Invalid, Missing
from kernel.principal import SYSTEM
from records import access, store
from records.errors import Gone
from records.models import IndexRow, Resource, ResourceVersion
from tests.records.cast import (
    DR_LIN,
    DR_SUN,
    MR_ZHAO,
    MS_QIAN,
    NORTH,
    observation,
    partner,
    patient,
)

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]


def test_what_is_created_can_be_read_with_its_meta():
    made = store.create("Patient", patient(meta={"profile": ["http://example.org/p"]}), by=DR_LIN)
    found = store.read("Patient", made.id, by=DR_LIN)
    assert found.text == made.text
    assert found.version == 1
    assert found.reference == f"Patient/{made.id}"
    meta = found.body["meta"]
    assert meta["versionId"] == "1"
    assert meta["profile"] == ["http://example.org/p"]
    assert meta["lastUpdated"].endswith("Z")
    assert found.last_updated.isoformat(timespec="milliseconds")[:23] == meta["lastUpdated"][:23]


def test_decimals_keep_their_precision():
    made = store.create("Observation", observation(value=Decimal("72.50")), by=DR_LIN)
    assert '"value":72.50' in store.read("Observation", made.id, by=DR_LIN).text


def test_an_id_that_is_taken_is_a_conflict():
    store.create("Patient", patient(), by=DR_LIN, id="zhao")
    with pytest.raises(Conflict):
        store.create("Patient", patient(), by=DR_LIN, id="zhao")


def test_updates_make_versions_that_stay():
    store.create("Patient", patient(), by=DR_LIN, id="zhao")
    store.update("Patient", "zhao", patient(gender="male"), by=DR_LIN, if_match=1)
    assert store.read("Patient", "zhao", by=DR_LIN).body["gender"] == "male"
    assert store.read("Patient", "zhao", by=DR_LIN, version=1).body["gender"] == "female"
    past = store.history("Patient", "zhao", by=DR_LIN)
    assert [(one.version, one.method) for one in past] == [(2, "PUT"), (1, "POST")]


def test_an_update_creates_what_is_not_there():
    made = store.update("Patient", "zhao", patient(), by=DR_LIN)
    assert (made.version, made.id) == (1, "zhao")


def test_an_old_version_does_not_match():
    store.create("Patient", patient(), by=DR_LIN, id="zhao")
    store.update("Patient", "zhao", patient(), by=DR_LIN, if_match=1)
    with pytest.raises(Conflict):
        store.update("Patient", "zhao", patient(), by=DR_LIN, if_match=1)
    with pytest.raises(Conflict):
        store.update("Patient", "nobody", patient(), by=DR_LIN, if_match=1)


def test_what_is_deleted_is_gone_and_may_come_back():
    store.create("Patient", patient(), by=DR_LIN, id="zhao")
    store.delete("Patient", "zhao", by=DR_LIN)
    store.delete("Patient", "zhao", by=DR_LIN)
    with pytest.raises(Gone):
        store.read("Patient", "zhao", by=DR_LIN)
    assert not IndexRow.objects.filter(resource__logical_id="zhao").exists()
    store.update("Patient", "zhao", patient(), by=DR_LIN)
    past = store.history("Patient", "zhao", by=DR_LIN)
    assert [one.method for one in past] == ["PUT", "DELETE", "POST"]
    assert store.read("Patient", "zhao", by=DR_LIN).version == 3


def test_nothing_is_kept_of_what_is_invalid():
    with pytest.raises(Invalid) as refused:
        store.create("Patient", patient(name=[{"famly": "x"}]), by=DR_LIN)
    assert refused.value.issues[0][0] == "Patient.name[0].famly"
    assert Resource.objects.count() == ResourceVersion.objects.count() == 0


def test_a_type_that_is_not_served_is_invalid():
    with pytest.raises(Invalid):
        store.create("Spaceship", {"resourceType": "Spaceship"}, by=SYSTEM)


def test_another_institution_finds_nothing_until_it_is_granted():
    store.create("Patient", patient(), by=DR_LIN, id="zhao")
    made = store.create("Observation", observation(), by=DR_LIN)
    for kind, id_ in (("Patient", "zhao"), ("Observation", made.id)):
        with pytest.raises(Missing):
            store.read(kind, id_, by=DR_SUN)
        with pytest.raises(Missing):
            store.history(kind, id_, by=DR_SUN)
    with pytest.raises(Missing):
        store.update("Patient", "zhao", patient(), by=DR_SUN)
    with pytest.raises(Missing):
        store.delete("Patient", "zhao", by=DR_SUN)
    access.grant(to=DR_SUN.institution, patient="Patient/zhao", why="visit 1")
    assert store.read("Observation", made.id, by=DR_SUN).id == made.id
    access.revoke(to=DR_SUN.institution, why="visit 1")
    with pytest.raises(Missing):
        store.read("Observation", made.id, by=DR_SUN)


def test_a_granted_resource_shows_nothing_else():
    store.create("Patient", patient(), by=DR_LIN, id="zhao")
    made = store.create("Observation", observation(), by=DR_LIN)
    other = partner()
    access.grant(to=other.reference, resources=[made.reference], why="referral 1")
    assert store.read("Observation", made.id, by=other).id == made.id
    with pytest.raises(Missing):
        store.read("Patient", "zhao", by=other)


def test_patients_see_their_own_compartment_only():
    store.create("Patient", patient(), by=DR_LIN, id="zhao")
    made = store.create("Observation", observation(), by=DR_LIN)
    assert store.read("Patient", "zhao", by=MR_ZHAO).id == "zhao"
    assert store.read("Observation", made.id, by=MR_ZHAO).id == made.id
    with pytest.raises(Missing):
        store.read("Observation", made.id, by=MS_QIAN)


def test_public_kinds_are_seen_by_all():
    store.create(
        "Organization", {"resourceType": "Organization", "name": "North"}, by=SYSTEM, id=NORTH
    )
    for who in (DR_SUN, MR_ZHAO, partner()):
        assert store.read("Organization", NORTH, by=who).id == NORTH


def test_the_service_may_write_for_an_institution():
    store.create("Patient", patient(), by=SYSTEM, id="zhao", institution=NORTH)
    assert store.read("Patient", "zhao", by=DR_LIN).id == "zhao"


def statements(seen):
    return [q["sql"] for q in seen if not q["sql"].lstrip().startswith(("SAVEPOINT", "RELEASE"))]


def test_a_create_is_one_statement_where_the_database_can():
    with CaptureQueriesContext(connection) as seen:
        store.create("Patient", patient(), by=DR_LIN)
    assert len(statements(seen)) == (1 if connection.vendor == "postgresql" else 3)


def test_an_update_writes_only_the_index_rows_that_differ():
    made = store.create("Patient", patient(), by=DR_LIN, id="zhao")
    before = set(IndexRow.objects.values_list("k", "v"))
    with CaptureQueriesContext(connection) as seen:
        store.update("Patient", "zhao", patient(gender="male"), by=DR_LIN)
    if connection.vendor == "postgresql":
        assert len(statements(seen)) == 2
    after = set(IndexRow.objects.values_list("k", "v"))
    assert {bytes(v) for _, v in after - before} == {b"male|"}
    assert {bytes(v) for _, v in before - after} == {b"female|"}
    assert store.read("Patient", made.id, by=DR_LIN).version == 2


@pytest.mark.django_db(transaction=True)
def test_a_create_outside_of_a_transaction_is_whole():
    store.create("Patient", patient(), by=DR_LIN, id="zhao")
    with pytest.raises(Conflict):
        store.create("Patient", patient(), by=DR_LIN, id="zhao")
    made = store.create("Patient", patient(), by=DR_LIN)
    assert store.read("Patient", made.id, by=DR_LIN).text == made.text
    assert Resource.objects.count() == ResourceVersion.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_two_writers_of_one_version_never_both_win():
    store.create("Patient", patient(), by=DR_LIN, id="zhao")
    wins, losses, start = [], [], threading.Barrier(2)

    def write():
        start.wait()
        for _ in range(20):
            version = store.read("Patient", "zhao", by=DR_LIN).version
            try:
                store.update("Patient", "zhao", patient(), by=DR_LIN, if_match=version)
                wins.append(version)
            except Conflict:
                losses.append(version)
        connections.close_all()

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    close_old_connections()
    assert len(wins) == len(set(wins)), "one version was overwritten twice"
    assert store.read("Patient", "zhao", by=DR_LIN).version == len(wins) + 1
    assert store.update("Patient", "zhao", patient(), by=DR_LIN).version == len(wins) + 2
    assert len(wins) + len(losses) == 40
