"""The trail of accesses: what it holds, that it holds, and who may look at it."""

import threading
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from kernel.clock import now
from kernel.principal import Principal
from records import access, audit
from records.audit import events, verifying, writer
from records.models import AuditRow
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
AUDITOR = Principal("Practitioner/he", institution=NORTH, roles=frozenset({"auditor"}))


@pytest.fixture
def zhao(api):
    api.put("Patient/zhao", patient(id="zhao"))
    audit.flush()
    return "Patient/zhao"


def rows():
    """What came after the last time, without heads."""
    audit.flush()
    return list(AuditRow.objects.exclude(number=0).order_by("pk"))


def last():
    return rows()[-1]


def test_a_read_is_told_with_who_what_and_whose(api, zhao):
    api.get("Patient/zhao", X_Request_Id="r-17")
    row = last()
    assert (row.who, row.institution, row.role) == (DR_LIN.reference, NORTH, "doctor")
    assert (row.action, row.interaction, row.status) == ("R", "read", 200)
    assert (row.kind, row.logical_id, row.version) == ("Patient", "zhao", 1)
    assert (row.patient, row.keeper, row.request) == ("zhao", NORTH, "r-17")
    assert abs(row.at_ms / 1000 - now().timestamp()) < 60


@pytest.mark.parametrize(
    ("method", "path", "told"),
    [
        ("GET", "Patient/zhao/_history/1", ("R", "vread")),
        ("GET", "Patient/zhao/_history", ("R", "history-instance")),
        ("GET", "Patient/_history", ("R", "history-type")),
        ("GET", "_history", ("R", "history-system")),
        ("GET", "Patient", ("E", "search-type")),
        ("HEAD", "Patient/zhao", ("R", "read")),
        ("GET", "Patient/zhao/Observation", ("E", "search-type")),
        ("GET", "Patient/zhao/$everything", ("E", "$everything")),
        ("DELETE", "Patient/zhao", ("D", "delete")),
    ],
)
def test_each_interaction_has_its_word(api, zhao, method, path, told):
    api.send(method, path)
    assert (last().action, last().interaction) == told


def test_writes_tell_what_they_made(api, zhao, bundle_of):
    made = api.post("Observation", observation()).body["id"]
    row = last()
    assert (row.action, row.interaction) == ("C", "create")
    assert (row.kind, row.logical_id, row.patient) == ("Observation", made, "zhao")
    bundle = bundle_of(
        ("POST", "Observation", observation()), ("DELETE", f"Observation/{made}", None)
    )
    api.post("", bundle)
    head, *parts = rows()[-3:]
    assert (head.action, head.interaction, head.found) == ("E", "transaction", 2)
    assert {(p.action, p.interaction, p.patient) for p in parts} == {
        ("C", "create", "zhao"),
        ("D", "delete", "zhao"),
    }
    assert {part.request for part in parts} == {head.request}


def test_reads_in_a_bundle_are_told_one_by_one(api, zhao, bundle_of):
    bundle = bundle_of(("GET", "Patient/zhao", None), ("GET", "Patient/no", None), type_="batch")
    api.post("", bundle)
    told = {(r.interaction, r.logical_id, r.status) for r in rows()[-3:]}
    assert told == {("batch", "", 200), ("read", "zhao", 200), ("read", "no", 404)}


def test_what_was_refused_is_told_too(api, zhao):
    api.get("Patient/zhao", by=DR_SUN)
    assert (last().who, last().status, last().patient) == (DR_SUN.reference, 404, "")
    api.get("Patient/zhao", by=partner("system/Task.rs"))
    assert (last().status, last().client) == (403, "")


def test_a_search_tells_names_of_parameters_and_no_values(api, zhao):
    api.get("Patient?family=Zhao&birthdate=ge1970&_count=5")
    assert (last().asked, last().found) == ("family&birthdate&_count", 1)
    form = "identifier=M-1"
    api.send("POST", "Patient/_search", form, kind="application/x-www-form-urlencoded")
    assert last().asked == "identifier"
    api.post("Observation", observation())
    api.get("Observation?patient=Patient/zhao&code=8867-4")
    assert (last().asked, last().patient) == ("patient&code", "zhao")
    api.get("Patient?Zhao 13800000000=1")
    assert last().asked == "?"


def test_nothing_of_an_address_that_is_no_name_is_kept(api):
    api.get("Patient/a\0b")
    api.get("Zhao/13800000000/$secret of Zhao")
    assert [row.logical_id for row in rows()] == ["", ""]
    assert [row.kind for row in rows()] == ["Patient", ""]


def test_each_row_holds_the_hash_of_the_one_before(api, zhao):
    for _ in range(3):
        api.get("Patient/zhao")
    audit.flush()
    chain = list(AuditRow.objects.order_by("number"))
    assert [row.number for row in chain] == list(range(5))
    assert chain[0].before == events.ORIGIN
    assert [row.before for row in chain[1:]] == [row.hash for row in chain[:-1]]
    verdict = verifying.verify()
    assert (verdict.rows, verdict.chains, verdict.faults) == (5, 1, [])


def test_a_second_process_begins_with_the_newest_hash_of_the_first(api, zhao, monkeypatch):
    api.get("Patient/zhao")
    audit.flush()
    newest = AuditRow.objects.order_by("-pk")[0].hash
    monkeypatch.setattr(writer._Process, "writer", writer.Writer(thread=False))
    api.get("Patient/zhao")
    audit.flush()
    assert AuditRow.objects.filter(number=0).order_by("-pk")[0].before == newest
    assert verifying.verify().chains == 2


def tamper(sql):
    """Change the trail as somebody would who took the guards away."""
    with connection.cursor() as cursor:
        on = " ON records_auditrow" if connection.vendor == "postgresql" else ""
        cursor.execute(f"DROP TRIGGER IF EXISTS records_audit_once{on}")
        cursor.execute(f"DROP TRIGGER IF EXISTS records_audit_whole{on}")
        cursor.execute(sql)


@pytest.mark.parametrize(
    ("sql", "number", "says"),
    [
        ("UPDATE records_auditrow SET who = 'Practitioner/x' WHERE number = 2", 2, "changed"),
        ("UPDATE records_auditrow SET status = 404 WHERE number = 3", 3, "changed"),
        ("DELETE FROM records_auditrow WHERE number = 2", 2, "row 2 is missing"),
        ("DELETE FROM records_auditrow WHERE number = 0", 0, "head is missing"),
    ],
)
def test_a_changed_trail_is_found(api, zhao, sql, number, says):
    for _ in range(3):
        api.get("Patient/zhao")
    audit.flush()
    tamper(sql)
    (fault,) = verifying.verify().faults
    assert fault.number == number
    assert says in fault.says
    errors = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("audit", "verify", stderr=errors)
    assert ended.value.code == 1
    assert says in errors.getvalue()


def test_a_chain_whose_end_was_cut_off_is_missed_by_the_next(api, zhao, monkeypatch):
    api.get("Patient/zhao")
    audit.flush()
    monkeypatch.setattr(writer._Process, "writer", writer.Writer(thread=False))
    api.get("Patient/zhao")
    audit.flush()
    first = AuditRow.objects.order_by("pk")[0].chain
    tamper(f"DELETE FROM records_auditrow WHERE chain = {first} AND number = 2")
    (fault,) = verifying.verify().faults
    assert (fault.number, "newest" in fault.says) == (0, True)


def test_the_command_says_that_all_is_well(api, zhao):
    says = StringIO()
    call_command("audit", "verify", stdout=says)
    assert says.getvalue() == "2 rows in 1 chains, all as written\n"


def test_the_database_refuses_to_change_the_trail(api, zhao):
    with pytest.raises(DatabaseError), transaction.atomic():
        AuditRow.objects.update(who="Practitioner/x")
    if connection.vendor == "postgresql":  # on SQLite, tests take away the guard of deletion
        with pytest.raises(DatabaseError), transaction.atomic():
            AuditRow.objects.all().delete()
    assert AuditRow.objects.filter(who=DR_LIN.reference).exists()


def test_without_room_for_its_trace_nothing_is_done(api, zhao, trail, monkeypatch):
    monkeypatch.setattr(writer, "MOST_WAITING", 0)
    refused = api.get("Patient/zhao")
    assert (refused.status, refused.headers["Retry-After"]) == (503, "5")
    assert api.post("Patient", patient()).status == 503
    monkeypatch.undo()


def test_rows_wait_while_the_database_is_away(api, zhao, trail, monkeypatch):
    def away(made):
        raise DatabaseError("away")

    with monkeypatch.context() as patched:
        patched.setattr(writer, "_insert", away)
        api.get("Patient/zhao")
        with pytest.raises(DatabaseError):
            audit.flush()
        api.get("Patient/zhao/_history")
        with pytest.raises(DatabaseError):
            audit.flush()
    assert [row.interaction for row in rows()[-2:]] == ["read", "history-instance"]
    assert verifying.verify().faults == []


@pytest.mark.django_db(transaction=True)
def test_a_thread_writes_within_its_time_and_at_the_end(api, monkeypatch):
    threaded = writer.Writer()
    monkeypatch.setattr(writer._Process, "writer", threaded)
    api.get("Patient/nobody")
    for _ in range(200):
        if AuditRow.objects.count() == 2:
            break
        threading.Event().wait(0.05)
    assert AuditRow.objects.count() == 2
    api.get("Patient/nobody")
    threaded.close()
    threaded.close()
    assert AuditRow.objects.count() == 3
    assert verifying.verify().faults == []


def test_breaking_the_glass_is_told_with_its_reason(api, zhao):
    access.break_glass(DR_SUN, "Patient/zhao", reason="unconscious")
    row = last()
    assert (row.who, row.patient, row.why) == (DR_SUN.reference, "zhao", "unconscious")
    (event,) = [e["resource"] for e in api.get("AuditEvent?type=110113", by=AUDITOR).entries]
    assert event["purposeOfEvent"][0]["text"] == "unconscious"


def test_auditors_see_what_was_done_here_and_to_what_is_kept_here(api, zhao):
    access.grant(to="partner-hospital", patient="Patient/zhao", why="visit")
    api.get("Patient/zhao")
    api.get("Patient/zhao", by=partner())
    api.post("Patient", patient(), by=partner())
    audit.flush()
    seen = api.get("AuditEvent", by=AUDITOR)
    who = [entry["resource"]["agent"][0]["who"]["reference"] for entry in seen.entries]
    assert who == ["Organization/partner-hospital", DR_LIN.reference, DR_LIN.reference]
    assert seen.body["total"] == 3
    event = seen.entries[1]["resource"]
    assert api.get(f"AuditEvent/{event['id']}", by=AUDITOR).body == event
    assert (event["action"], event["outcome"]) == ("R", "0")
    assert event["subtype"][0]["code"] == "read"
    assert event["entity"][0]["what"] == {"reference": "Patient/zhao/_history/1"}
    posted = api.post("AuditEvent", event, by=partner())
    assert posted.status == 201, posted.text


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("patient=Patient/zhao", 3),
        ("patient=zhao", 3),
        ("patient=qian", 0),
        ("entity=Patient/zhao", 3),
        ("agent=Practitioner/lin", 4),
        ("agent=Practitioner/sun", 0),
        ("action=R", 2),
        ("action=R,U", 2),
        ("subtype=read", 2),
        ("subtype=http://hl7.org/fhir/restful-interaction|search-type", 1),
        ("type=rest", 4),
        ("outcome=0", 4),
        ("outcome=4", 0),
        ("date=ge2020-01-01", 4),
        ("date=lt2020-01-01", 0),
        ("date=gt2020&action=C", 1),
        ("_id=trail-0", 0),
        ("_id=x", 0),
    ],
)
def test_auditors_search(api, zhao, query, number):
    api.get("Patient/zhao")
    api.get("Patient/zhao")
    api.get("Observation")
    audit.flush()
    assert api.get(f"AuditEvent?{query}&_count=0", by=AUDITOR).body["total"] == number
    assert len(api.get(f"AuditEvent?{query}", by=AUDITOR).entries) == number


def test_the_trail_is_read_in_pages(api, zhao):
    for _ in range(4):
        api.get("Patient/zhao")
    audit.flush()
    page = api.get("AuditEvent?_count=2&patient=zhao", by=AUDITOR)
    seen = list(page.ids)
    while url := page.link("next"):
        page = api.get(url, by=AUDITOR)
        seen += page.ids
    assert len(seen) == len(set(seen)) == 5


@pytest.mark.parametrize(
    "query", ["nonsense=1", "date=x", "_cursor=x", "patient=Group/1", "_sort=who"]
)
def test_what_an_auditor_asks_wrongly_is_refused_by_name(api, query):
    refused = api.get(f"AuditEvent?{query}", by=AUDITOR)
    assert refused.status == 400
    assert refused.body["issue"][0]["expression"] == [query.partition("=")[0]]


def test_a_patient_sees_who_looked_at_their_record(api, zhao):
    api.get("Patient/zhao")
    audit.flush()
    assert len(api.get("AuditEvent", by=MR_ZHAO).entries) == 2
    assert api.get("AuditEvent?patient=zhao", by=MS_QIAN).entries == []
    assert api.get("AuditEvent", by=DR_LIN).entries == []
    assert api.get("AuditEvent/trail-1", by=DR_LIN).status == 404
    found = AuditRow.objects.filter(patient="zhao").first()
    assert api.get(f"AuditEvent/trail-{found.pk}", by=MS_QIAN).status == 404


def test_the_trail_keeps_its_order_in_time(api, zhao):
    api.get("Patient/zhao")
    times = [row.at_ms for row in rows()]
    assert times == sorted(times)
    assert times[-1] <= (now() + timedelta(seconds=1)).timestamp() * 1000
