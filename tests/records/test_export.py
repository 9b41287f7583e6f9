"""Bulk export: from the wish to the file, for its requester alone."""

import gzip
import json
import stat
import tracemalloc
from datetime import timedelta

import pytest
import time_machine
from django.db import connection, transaction

from kernel.clock import now
from kernel.errors import Missing
from kernel.principal import SYSTEM
from records import access, store
from records.export import files, limits, services, work
from records.models import Export
from records.tasks import run_export, tend_exports
from tests.records.cast import DR_LIN, MR_ZHAO, observation, partner, patient

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]
REAL = pytest.mark.django_db(transaction=True)
ASYNC = {"Prefer": "respond-async"}
DONGHUA = partner("system/*.rs", organization="donghua")
OTHER = partner("system/*.rs", organization="other")


@pytest.fixture(autouse=True)
def quick(monkeypatch, settings, tmp_path):
    """No second of waiting, and a folder for each test."""
    monkeypatch.setattr(limits, "SETTLE_MS", 0)
    settings.DATA_DIR = tmp_path
    return settings


@pytest.fixture
def ward():
    """Two patients, each with two observations, granted to Donghua."""
    for name in ("zhao", "qian"):
        store.create("Patient", patient(id=name), by=DR_LIN, id=name)
        for n in (1, 2):
            body = observation(f"Patient/{name}", value=70 + n)
            store.create("Observation", body, by=DR_LIN, id=f"{name}-{n}")
        access.grant(to=DONGHUA.reference, patient=f"Patient/{name}", why=f"referral-{name}")


class Client:
    """A partner's system that exports."""

    def __init__(self, api, by):
        self.api, self.by = api, by

    def start(self, path="$export", **headers):
        return self.api.get(path, by=self.by, **(ASYNC | headers))

    def post(self, path, *parameters, **headers):
        body = {"resourceType": "Parameters", "parameter": list(parameters)}
        return self.api.post(path, body, by=self.by, **(ASYNC | headers))

    def status(self, started, **more):
        return self.api.get(started.headers["Content-Location"], **({"by": self.by} | more))

    def finish(self, started):
        assert started.status == 202, started.text
        run(started)
        done = self.status(started)
        assert done.status == 200, done.text
        return done.body

    def export(self, path="$export", **headers):
        return self.finish(self.start(path, **headers))

    def lines(self, manifest, part="output"):
        found = {}
        for file in manifest[part]:
            answer = self.api.get(file["url"], by=self.by)
            assert answer.headers["Content-Type"] == "application/fhir+ndjson"
            assert int(answer.headers["Content-Length"]) == len(answer.content)
            lines = answer.content.decode().splitlines()
            assert len(lines) == file["count"]
            found.setdefault(file["type"], []).extend(lines)
        return found

    def ids(self, manifest):
        return {
            kind: sorted(json.loads(line)["id"] for line in lines)
            for kind, lines in self.lines(manifest).items()
        }


def number(started):
    return started.headers["Content-Location"].rpartition("/")[2]


def run(started):
    while work.carry_on(number(started)) is not None:
        pass


@pytest.fixture
def donghua(api):
    return Client(api, DONGHUA)


def test_from_the_wish_to_the_files(api, donghua, ward):
    started = donghua.start("Patient/$export?_type=Patient,Observation")
    assert started.status == 202
    assert started.headers["Content-Location"].startswith("http://testserver/fhir/$export-status/")
    running = donghua.status(started)
    assert (running.status, running.text) == (202, "")
    assert running.headers["X-Progress"]
    assert int(running.headers["Retry-After"]) >= 1
    run(started)
    done = donghua.status(started)
    assert done.status == 200
    assert done.headers["Content-Type"] == "application/json"
    assert done.headers["Expires"].endswith("GMT")
    manifest = done.body
    assert manifest["request"].endswith("/fhir/Patient/$export?_type=Patient,Observation")
    assert manifest["requiresAccessToken"] is True
    assert manifest["deleted"] == manifest["error"] == []
    assert [(f["type"], f["count"]) for f in manifest["output"]] == [
        ("Patient", 2),
        ("Observation", 4),
    ]
    for kind, lines in donghua.lines(manifest).items():
        for line in lines:
            id_ = json.loads(line)["id"]
            read = api.get(f"{kind}/{id_}", by=DONGHUA)
            assert line == read.text
            assert read.body["meta"]["lastUpdated"] <= manifest["transactionTime"]


def test_files_are_packed_for_who_takes_that(api, donghua, ward):
    [file] = donghua.export("Patient/$export?_type=Patient")["output"]
    packed = api.get(file["url"], by=DONGHUA, Accept_Encoding="deflate, gzip;q=0.8")
    plain = api.get(file["url"], by=DONGHUA, Accept_Encoding="gzip;q=0, identity")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert int(packed.headers["Content-Length"]) == len(packed.content)
    assert gzip.decompress(packed.content) == plain.content
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
    assert api.get(file["url"], by=DONGHUA, Accept="application/fhir+ndjson").status == 200


def test_files_lie_where_nobody_else_reads(donghua, ward):
    donghua.export("Patient/$export")
    kept = [files.root(), *files.root().rglob("*")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept if path.is_dir()} == {0o700}
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept if path.is_file()} == {0o600}
    assert not [path for path in kept if path.name.endswith(".draft")]


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("$export?_outputFormat=text/csv", "_outputFormat"),
        ("$export?_since=yesterday", "_since"),
        ("$export?_until=", "_until"),
        ("$export?_type=Nothing", "_type"),
        ("$export?_type=Patient,Nothing", "_type"),
        ("Patient/$export?_type=Organization", "_type"),
        ("$export?_typeFilter=Patient", "_typeFilter"),
        ("$export?_typeFilter=Patient?famly=x", "famly"),
        ("$export?_typeFilter=Patient?_sort=name", "_typeFilter"),
        ("$export?_typeFilter=Patient?birthdate=soon", "birthdate"),
        ("$export?_type=Patient&_typeFilter=Observation?code=1", "_typeFilter"),
        ("$export?_elements=9", "_elements"),
        ("$export?includeAssociatedData=LatestProvenanceResources", "includeAssociatedData"),
        ("$export?patient=Patient/zhao", "patient"),
        ("$export?colour=red", "colour"),
    ],
)
def test_a_wish_that_cannot_be_met_is_refused_by_name(donghua, path, says):
    refused = donghua.start(path)
    assert refused.status == 400, refused.text
    assert says in refused.issues[0][1]
    assert not Export.objects.exists()


def test_without_respond_async_there_is_no_export(api):
    for prefer in ("", "handling=lenient", "return=minimal"):
        refused = api.get("$export", by=DONGHUA, Prefer=prefer)
        assert refused.status == 400
        assert "respond-async" in refused.issues[0][1]


def test_a_lenient_client_is_told_what_was_passed_over(donghua, ward):
    manifest = donghua.export(
        "Patient/$export?_type=Patient,Nothing&colour=red&includeAssociatedData=x",
        Prefer="respond-async, handling=lenient",
    )
    assert [file["type"] for file in manifest["output"]] == ["Patient"]
    notes = [json.loads(line) for line in donghua.lines(manifest, "error")["OperationOutcome"]]
    said = [note["issue"][0]["diagnostics"].partition(" ")[0] for note in notes]
    assert said == ["colour", "includeAssociatedData", "_type"]


@pytest.mark.parametrize("format_", ["application/fhir%2Bndjson", "application/ndjson", "ndjson"])
def test_every_name_of_the_format_is_understood(donghua, format_):
    assert donghua.start(f"$export?_outputFormat={format_}").status == 202


def test_people_do_not_export(api):
    for who in (DR_LIN, MR_ZHAO):
        assert api.get("$export", by=who, **ASYNC).status == 403


def test_a_token_exports_its_types_alone(api, ward):
    narrow = Client(api, partner("system/Patient.rs", "system/Task.r", organization="donghua"))
    assert narrow.ids(narrow.export("Patient/$export")) == {"Patient": ["qian", "zhao"]}
    assert narrow.start("$export?_type=Patient,Observation").status == 403
    writer = Client(api, partner("system/*.cud", organization="donghua"))
    assert writer.start("$export").status == 403


def test_an_export_is_its_requester_s(api, donghua, ward):
    started = donghua.start("Patient/$export")
    manifest = donghua.finish(started)
    url = manifest["output"][0]["url"]
    address = started.headers["Content-Location"]
    for answer in (
        api.get(address, by=OTHER),
        api.get(address, by=DR_LIN),
        api.get(url, by=OTHER),
        api.delete(address, by=OTHER),
        api.get(f"{address}/more", by=DONGHUA),
        api.get(f"{url}x", by=DONGHUA),
        api.get(url.replace("Observation-1", "../../x"), by=DONGHUA),
        api.get("$export-status/", by=DONGHUA),
        api.get("$export-status/a%00b", by=DONGHUA),
    ):
        assert (answer.status, answer.issues[0][0]) == (404, "not-found")
    assert api.post(address, by=DONGHUA).status == 405
    assert donghua.lines(manifest)


def test_what_is_not_granted_is_not_exported(api, ward):
    other = Client(api, OTHER)
    store.create("Observation", observation("Patient/zhao"), by=OTHER, id="own")
    assert other.ids(other.export("Patient/$export")) == {"Observation": ["own"]}
    access.grant(to=OTHER.reference, patient="Patient/qian", why="x")
    assert other.ids(other.export("Patient/$export")) == {
        "Patient": ["qian"],
        "Observation": ["own", "qian-1", "qian-2"],
    }


def test_a_grant_that_ends_closes_what_is_written_and_what_is_to_be_written(api, donghua, ward):
    manifest = donghua.export("Patient/$export")
    started = donghua.start("Patient/$export")
    access.revoke(to=DONGHUA.reference, why="referral-qian")
    for file in manifest["output"]:
        refused = api.get(file["url"], by=DONGHUA)
        assert (refused.status, refused.issues[0][0]) == (403, "forbidden")
    assert donghua.ids(donghua.finish(started)) == {
        "Patient": ["zhao"],
        "Observation": ["zhao-1", "zhao-2"],
    }


def test_a_grant_that_ends_between_choosing_and_writing_counts(donghua, ward, monkeypatch):
    started = donghua.start("Patient/$export")
    write = work._Job._write

    def after_a_revocation(job, *more):
        access.revoke(to=DONGHUA.reference, why="referral-qian")
        write(job, *more)

    monkeypatch.setattr(work._Job, "_write", after_a_revocation)
    assert donghua.ids(donghua.finish(started))["Patient"] == ["zhao"]


def test_a_file_needs_the_scopes_that_made_it(api, donghua, ward):
    manifest = donghua.export("Patient/$export")
    narrow = partner("system/Patient.rs", organization="donghua")
    statuses = {f["type"]: api.get(f["url"], by=narrow).status for f in manifest["output"]}
    assert statuses == {"Patient": 200, "Observation": 403}


def test_filters_of_a_type_are_alternatives(donghua, ward):
    wish = "_typeFilter=Observation?value-quantity=71%26patient=zhao,Observation?_id=qian-2"
    manifest = donghua.export(f"Patient/$export?_type=Patient,Observation&{wish}")
    assert donghua.ids(manifest) == {
        "Patient": ["qian", "zhao"],
        "Observation": ["qian-2", "zhao-1"],
    }
    commas = "_typeFilter=Observation?_id=zhao-1,zhao-2&_typeFilter=Observation?_id=qian-1"
    manifest = donghua.export(f"Patient/$export?_type=Observation&{commas}")
    assert donghua.ids(manifest) == {"Observation": ["qian-1", "zhao-1", "zhao-2"]}


def test_filters_of_scopes_hold(api, donghua, ward):
    scope = "system/Observation.rs?value-quantity=71"
    narrow = Client(api, partner(scope, "system/Patient.rs", organization="donghua"))
    manifest = narrow.export("Patient/$export")
    assert narrow.ids(manifest) == {
        "Patient": ["qian", "zhao"],
        "Observation": ["qian-1", "zhao-1"],
    }
    wide = donghua.export("Patient/$export?_type=Observation")
    assert api.get(wide["output"][0]["url"], by=narrow.by).status == 403
    started = narrow.start("Patient/$export?_type=Observation")
    store.update("Observation", "zhao-1", observation(value=99, id="zhao-1"), by=DR_LIN)
    store.update("Observation", "zhao-2", observation(value=71, id="zhao-2"), by=DR_LIN)
    found = narrow.ids(narrow.finish(started))["Observation"]
    assert "zhao-1" not in found
    assert "qian-1" in found


def test_elements_make_parts_that_say_so(donghua, ward):
    manifest = donghua.export("Patient/$export?_elements=Patient.birthDate,Observation.value")
    lines = donghua.lines(manifest)
    body = json.loads(lines["Patient"][0])
    assert set(body) == {"resourceType", "id", "meta", "birthDate"}
    assert body["meta"]["tag"][0]["code"] == "SUBSETTED"
    needed = {"status", "code"}
    observed = {"resourceType", "id", "meta", "valueQuantity"} | needed
    assert set(json.loads(lines["Observation"][0])) == observed
    manifest = donghua.export("Patient/$export?_elements=Patient.birthDate&_type=Observation")
    assert donghua.lines(manifest)["Observation"] == [
        donghua.api.get(f"Observation/{id_}", by=DONGHUA).text
        for id_ in ("zhao-1", "zhao-2", "qian-1", "qian-2")
    ]


def test_since_brings_what_changed_and_what_was_deleted(donghua, ward):
    first = donghua.export("Patient/$export")
    store.update("Observation", "zhao-1", observation(value=99, id="zhao-1"), by=DR_LIN)
    store.delete("Observation", "zhao-2", by=DR_LIN)
    store.create("Observation", observation(), by=DR_LIN, id="zhao-3")
    manifest = donghua.export(f"Patient/$export?_since={first['transactionTime']}")
    assert donghua.ids(manifest) == {"Observation": ["zhao-1", "zhao-3"]}
    [bundle] = [json.loads(line) for line in donghua.lines(manifest, "deleted")["Bundle"]]
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "transaction")
    assert bundle["entry"] == [{"request": {"method": "DELETE", "url": "Observation/zhao-2"}}]
    nothing = donghua.export(f"Patient/$export?_since={manifest['transactionTime']}")
    assert nothing["output"] == nothing["deleted"] == []


def test_until_leaves_out_what_changed_later(donghua, ward):
    first = donghua.export("Patient/$export")
    store.create("Observation", observation(), by=DR_LIN, id="zhao-3")
    manifest = donghua.export(
        f"Patient/$export?_type=Observation&_until={first['transactionTime']}"
    )
    assert "zhao-3" not in donghua.ids(manifest)["Observation"]


def test_a_resource_that_changes_meanwhile_is_exported_as_it_was(api, donghua, ward):
    before = api.get("Observation/zhao-1", by=DONGHUA).text
    gone = api.get("Observation/zhao-2", by=DONGHUA).text
    started = donghua.start("Patient/$export?_type=Observation")
    with time_machine.travel(now() + timedelta(seconds=1), tick=False):
        store.update("Observation", "zhao-1", observation(value=99, id="zhao-1"), by=DR_LIN)
        store.update("Observation", "zhao-1", observation(value=98, id="zhao-1"), by=DR_LIN)
        store.delete("Observation", "zhao-2", by=DR_LIN)
        store.create("Observation", observation(), by=DR_LIN, id="zhao-3")
        lines = donghua.lines(donghua.finish(started))["Observation"]
    assert {before, gone} <= set(lines)
    assert len(lines) == 4


GROUP = {
    "resourceType": "Group",
    "type": "person",
    "actual": True,
    "member": [
        {"entity": {"reference": "Patient/zhao"}},
        {"entity": {"reference": "Patient/qian"}, "inactive": True},
        {"entity": {"reference": "Patient/sun"}},
        {"entity": {"reference": "Device/d"}},
    ],
}


@pytest.fixture
def group(ward):
    store.create("Patient", patient(id="sun"), by=DR_LIN, id="sun")
    store.create("Group", GROUP, by=DONGHUA, id="ward")


def test_a_group_gives_its_members_whom_one_may_see(donghua, group):
    found = donghua.ids(donghua.export("Group/ward/$export"))
    assert found == {"Patient": ["zhao"], "Observation": ["zhao-1", "zhao-2"]}


def test_groups_that_are_described_nested_or_hidden_are_refused(api, donghua, group):
    described = {"resourceType": "Group", "type": "person", "actual": False}
    store.create("Group", described, by=DONGHUA, id="described")
    nested = GROUP | {"member": [{"entity": {"reference": "Group/ward"}}]}
    store.create("Group", nested, by=DONGHUA, id="nested")
    hidden = GROUP | {"member": [{"entity": {"reference": "Patient/sun"}}]}
    store.create("Group", hidden, by=DR_LIN, id="hidden")
    statuses = {
        name: donghua.start(f"Group/{name}/$export").status
        for name in ("described", "nested", "hidden", "none")
    }
    assert statuses == {"described": 422, "nested": 422, "hidden": 404, "none": 404}
    blind = Client(api, partner("system/Patient.rs", organization="donghua"))
    assert blind.start("Group/ward/$export").status == 403


def test_named_patients_alone(api, donghua, group):
    zhao = {"name": "patient", "valueReference": {"reference": "Patient/zhao"}}
    kinds = {"name": "_type", "valueString": "Patient"}
    started = donghua.post("Patient/$export", kinds, zhao)
    assert donghua.ids(donghua.finish(started)) == {"Patient": ["zhao"]}
    for id_ in ("sun", "nobody"):
        other = {"name": "patient", "valueReference": {"reference": f"Patient/{id_}"}}
        refused = donghua.post("Patient/$export", zhao, other)
        assert refused.status == 400
        assert refused.issues == [("invalid", "patient[1]: there is no such Patient")]
    qian = {"name": "patient", "valueReference": {"reference": "Patient/qian"}}
    assert "no member" in donghua.post("Group/ward/$export", qian).issues[0][1]
    assert donghua.post("$export", zhao).status == 400
    blind = Client(api, partner("system/Observation.rs", organization="donghua"))
    assert blind.post("Patient/$export", zhao).status == 403


def test_everything_for_the_service_itself(api, ward):
    own = Client(api, SYSTEM)
    store.create("Organization", {"resourceType": "Organization", "name": "x"}, by=DR_LIN, id="o")
    assert own.ids(own.export("$export")) == {
        "Organization": ["o"],
        "Patient": ["qian", "zhao"],
        "Observation": ["qian-1", "qian-2", "zhao-1", "zhao-2"],
    }
    assert "Organization" not in own.ids(own.export("Patient/$export"))


def test_one_runs_at_a_time(donghua, api):
    first = donghua.start()
    second = donghua.start()
    assert (second.status, second.issues[0][0]) == (429, "throttled")
    assert int(second.headers["Retry-After"]) > 0
    assert Client(api, OTHER).start().status == 202
    donghua.finish(first)
    assert donghua.start().status == 202


def test_no_more_are_kept_than_one_may_have(api, donghua, monkeypatch):
    monkeypatch.setattr(limits, "MOST_KEPT", 2)
    first, _ = donghua.start(), None
    donghua.finish(first)
    donghua.export()
    assert donghua.start().status == 429
    api.delete(first.headers["Content-Location"], by=DONGHUA)
    assert donghua.start().status == 202


def test_cancel(api, donghua, ward):
    started = donghua.start("Patient/$export")
    manifest = donghua.finish(started)
    address = started.headers["Content-Location"]
    assert api.delete(address, by=DONGHUA).status == 202
    assert api.get(address, by=DONGHUA).status == 404
    assert api.delete(address, by=DONGHUA).status == 404
    assert api.get(manifest["output"][0]["url"], by=DONGHUA).status == 404
    assert files.folders() == []


@REAL
def test_a_cancelled_export_stops_its_worker(api, donghua, ward, monkeypatch):
    started = donghua.start("Patient/$export")
    contents = work.picks.contents

    def cancelled(*args, **more):
        api.delete(started.headers["Content-Location"], by=DONGHUA)
        return contents(*args, **more)

    monkeypatch.setattr(work.picks, "contents", cancelled)
    assert work.carry_on(number(started)) is None
    assert not Export.objects.exists()
    tend_exports()
    assert files.folders() == []


@REAL
def test_files_are_forgotten_in_time(donghua, ward, quick):
    quick.EXPORT_HOURS = 2
    started = donghua.start("Patient/$export")
    donghua.finish(started)
    with time_machine.travel(now() + timedelta(minutes=119)):
        tend_exports()
        assert donghua.status(started).status == 200
    with time_machine.travel(now() + timedelta(minutes=121)):
        assert donghua.status(started).status == 404
        tend_exports()
    assert not Export.objects.exists()
    assert files.folders() == []


def test_too_much_is_an_error_that_says_so(donghua, ward, quick):
    quick.EXPORT_LARGEST_MB = 0
    started = donghua.start("Patient/$export")
    run(started)
    failed = donghua.status(started)
    assert (failed.status, failed.issues[0][0]) == (500, "too-costly")
    assert files.folders() == []
    assert donghua.start().status == 202


class Killed(BaseException):
    """The end of a process: nothing catches it."""


def test_a_killed_worker_s_export_goes_on(donghua, ward, monkeypatch):
    started = donghua.start("Patient/$export?_type=Patient,Observation")
    written = []
    write = work._Job._write

    def dies_at_the_second(job, name, *more):
        if written:
            raise Killed
        written.append(name)
        write(job, name, *more)

    monkeypatch.setattr(work._Job, "_write", dies_at_the_second)
    with pytest.raises(Killed):
        work.carry_on(number(started))
    assert donghua.status(started).headers["X-Progress"] == "2 of 6 written"
    monkeypatch.setattr(work._Job, "_write", write)
    assert services.due() == []
    assert work.carry_on(number(started)) is None, "the dead one still holds it"
    with time_machine.travel(now() + timedelta(milliseconds=work.HOLD_MS + 1000)):
        assert services.due() == [number(started)]
        manifest = donghua.finish(started)
        assert [file["count"] for file in manifest["output"]] == [2, 4]


def test_what_nobody_can_finish_ends(donghua, ward, monkeypatch, caplog):
    started = donghua.start("Patient/$export")

    def broken(*_args, **_more):
        raise OSError("no space for Patient/zhao")

    monkeypatch.setattr(work.picks, "contents", broken)
    for _ in range(limits.MOST_STARTS):
        assert work.carry_on(number(started)) is None
        assert donghua.status(started).status == 202
    work.carry_on(number(started))
    failed = donghua.status(started)
    assert (failed.status, failed.issues[0][0]) == (500, "exception")
    assert "OSError" in caplog.text
    assert "zhao" not in caplog.text


def test_a_long_export_is_handed_on(donghua, ward, monkeypatch):
    monkeypatch.setattr(work, "SLICE_SECONDS", 0.0)
    started = donghua.start("Patient/$export?_type=Patient,Observation")
    calls = 0
    while work.carry_on(number(started)) is not None:
        calls += 1
    assert calls == 4
    assert donghua.status(started).status == 200


def test_large_types_have_several_files(donghua, ward, monkeypatch):
    monkeypatch.setattr(work, "FILE_PICKS", 3)
    monkeypatch.setattr(work, "PAGE_PICKS", 2)
    manifest = donghua.export("Patient/$export?_type=Observation")
    assert [file["count"] for file in manifest["output"]] == [3, 1]
    assert len(donghua.ids(manifest)["Observation"]) == 4


@REAL
def test_the_tasks_carry_it(donghua, ward):
    started = donghua.start("Patient/$export")
    run_export(number(started))
    assert donghua.status(started).status == 200
    run_export(number(started))
    run_export("no-such-export")
    with pytest.raises(Missing):
        services.find("no-such-export", by=DONGHUA)


def test_the_statement_tells_of_it(api):
    body = api.get("metadata").body
    assert "http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data" in body["instantiates"]
    rest = body["rest"][0]
    found = {
        row["definition"].rpartition("/")[2]
        for holder in (rest, *rest["resource"])
        for row in holder.get("operation", [])
        if row["name"] == "export"
    }
    assert found == {"export", "patient-export", "group-export"}


def test_memory_does_not_grow_with_the_export(donghua, ward):
    text = "x" * 20_000
    note = [{"text": text}]
    entries = [
        {
            "request": {"method": "PUT", "url": f"Observation/n{n}"},
            "resource": observation(id=f"n{n}", note=note),
        }
        for n in range(2000)
    ]
    for begin in range(0, len(entries), 500):
        some = entries[begin : begin + 500]
        store.transaction(
            {"resourceType": "Bundle", "type": "transaction", "entry": some}, by=DR_LIN
        )
    started = donghua.start("Patient/$export?_type=Observation")
    tracemalloc.start()
    run(started)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    manifest = donghua.status(started).body
    [file] = manifest["output"]
    opened = services.open_file(number(started), "Observation-1.ndjson", by=DONGHUA)
    assert (file["count"], opened.size > 40_000_000) == (2004, True)
    assert most < 30_000_000
    assert max(map(len, files.plain(opened.path))) <= files.PIECE


@REAL
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer")
def test_a_write_that_is_under_way_is_waited_for(donghua, ward):
    other = connection.copy()
    other.set_autocommit(False)
    try:
        with other.cursor() as cursor:
            cursor.execute("UPDATE records_resource SET version = version WHERE false")
            cursor.execute("SELECT pg_current_xact_id()")
        started = donghua.start("Patient/$export")
        assert work.carry_on(number(started)) == 1.0
        assert donghua.status(started).status == 202
    finally:
        other.rollback()
        other.close()
    donghua.finish(started)
    assert Export.objects.get().starts <= 1
    with transaction.atomic():
        assert services.due() == []
