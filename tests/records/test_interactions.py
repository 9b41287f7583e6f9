"""Interactions as R4's http.html has them: media types, conditions, histories, Binary."""

import base64
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine

from records import access, store
from records.models import Resource
from tests.records.cast import DR_LIN, DR_SUN, observation, partner, patient

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]

MRN = "identifier=http://hospital.example/mrn|M-1"
DAY = datetime(2026, 3, 1, 8, tzinfo=UTC)


@pytest.fixture
def zhao(api):
    return api.put("Patient/zhao", patient(id="zhao"))


@pytest.fixture
def past(api):
    """Zhao: born into the record on day 0, changed on day 2, deleted on day 4, back on day 6."""
    for day, act in enumerate(("put", "change", "delete", "put")):
        with time_machine.travel(DAY + timedelta(days=2 * day), tick=False):
            if act == "delete":
                api.delete("Patient/zhao")
            else:
                gender = "male" if act == "change" else "female"
                api.put("Patient/zhao", patient(id="zhao", gender=gender))


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"Accept": "application/fhir+xml"}, 406),
        ({"Accept": "application/fhir+json; fhirVersion=5.0"}, 406),
        ({"Accept": "application/fhir+json; fhirVersion=5.0, application/fhir+json"}, 200),
        ({"Accept": "application/fhir+json;fhirVersion=4.0;charset=utf-8"}, 200),
        ({"Accept": "text/html, application/xml;q=0.9, */*;q=0.8"}, 200),
    ],
)
def test_what_a_client_takes(api, zhao, said, status):
    answer = api.get("Patient/zhao", **said)
    assert answer.status == status
    assert answer.headers["Content-Type"] == "application/fhir+json"
    assert answer.body["resourceType"] == ("Patient" if status == 200 else "OperationOutcome")


@pytest.mark.parametrize(
    ("format_", "status"),
    [("json", 200), ("application/fhir+json", 200), ("xml", 406), ("text/xml", 406), ("ttl", 406)],
)
def test_format_comes_before_accept(api, zhao, format_, status):
    for accept in ("application/fhir+json", "application/fhir+xml"):
        assert api.get(f"Patient/zhao?_format={format_}", Accept=accept).status == status
    assert api.get(f"Patient?_format={format_}").status == status


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/fhir+json; charset=utf-8", 201),
        ("application/fhir+json; charset=UTF-8; fhirVersion=4.0", 201),
        ("application/json", 201),
        ("application/fhir+json; fhirVersion=5.0", 415),
        ("application/fhir+json; charset=utf-16", 415),
        ("application/fhir+xml", 415),
        ("application/xml", 415),
        ("text/turtle", 415),
        ("", 415),
    ],
)
def test_what_a_client_sends(api, kind, status):
    assert api.post("Patient", patient(), kind=kind).status == status


def test_a_compressed_body_is_refused(api):
    assert api.post("Patient", patient(), Content_Encoding="gzip").status == 415


def test_pretty_breaks_lines_and_changes_no_number(api, zhao):
    made = store.create("Observation", observation(value=Decimal("72.50")), by=DR_LIN).id
    broad = api.get(f"Observation/{made}?_pretty=true")
    assert '\n    "value": 72.50,\n' in broad.text
    assert broad.headers["Content-Length"] == str(len(broad.text.encode()))
    assert "\n" in api.get("Patient?_pretty=true").text
    assert "\n" in api.get("Patient/nobody?_pretty=true").text
    assert "\n" not in api.get(f"Observation/{made}?_pretty=false").text


def test_conditions_of_a_read(api, zhao):
    for tags in ('W/"1"', '"1"', 'W/"7", W/"1"', "*", "1"):
        assert api.get("Patient/zhao", If_None_Match=tags).status == 304, tags
        assert api.get("Patient/zhao/_history/1", If_None_Match=tags).status == 304
    assert api.get("Patient/zhao", If_None_Match='"7"').status == 200
    assert api.get("Patient/zhao", If_Modified_Since="Mon, 01 Jan 1990 00:00:00 GMT").status == 200
    assert api.get("Patient/zhao", If_Modified_Since="yesterday").status == 200
    # If-None-Match is the stronger one (RFC 9110, 13.1.3).
    late = zhao.headers["Last-Modified"]
    assert api.get("Patient/zhao", If_None_Match='"7"', If_Modified_Since=late).status == 200


def test_if_none_match_creates_only(api):
    body = patient(id="zhao")
    assert api.put("Patient/zhao", body, If_None_Match="*").status == 201
    assert api.put("Patient/zhao", body, If_None_Match="*").status == 412
    assert api.put("Patient/zhao", body, If_None_Match='W/"7"').status == 400
    api.delete("Patient/zhao")
    assert api.put("Patient/zhao", body, If_None_Match="*").status == 201


def test_if_match_takes_either_etag_and_any_version(api, zhao):
    body = patient(id="zhao")
    for number, said in enumerate(('W/"1"', '"2"', "3", "*"), start=2):
        done = api.put("Patient/zhao", body, If_Match=said)
        assert (done.status, done.headers["ETag"]) == (200, f'W/"{number}"'), said
    assert api.put("Patient/nobody", patient(id="nobody"), If_Match="*").status == 412
    assert api.delete("Patient/zhao", If_Match='W/"1"').status == 412
    gone = api.delete("Patient/zhao", If_Match='W/"5"')
    assert (gone.status, gone.headers["ETag"]) == (204, 'W/"6"')


def test_conditional_update_has_five_cases(api):
    address = f"Patient?{MRN}"
    assert api.put(address, patient()).status == 201
    made = api.get(address).ids[0]
    assert api.put(address, patient()).status == 200
    assert api.put(address, patient(id=made)).status == 200
    assert api.put(address, patient(id="other")).status == 400
    named = api.put("Patient?identifier=M-7", patient(id="named"))
    assert (named.status, named.body["id"]) == (201, "named")
    assert api.put("Patient?identifier=M-7", patient(id="named")).status == 412
    assert api.put(address, patient()).status == 412
    assert api.put("Patient", patient()).status == 400
    assert Resource.objects.count() == 2


@pytest.mark.parametrize("condition", ["identifier=", "identifier", "", "?", "shoe=9", "_count=1"])
def test_conditions_that_say_nothing(api, condition):
    for answer in (
        api.post("Patient", patient(), If_None_Exist=condition),
        api.delete(f"Patient?{condition.removeprefix('?')}"),
        api.put(f"Patient?{condition.removeprefix('?')}", patient()),
    ):
        assert answer.status == 400, answer.text
    assert Resource.objects.count() == 0


@pytest.mark.parametrize("way", [MRN, f"?{MRN}", f"Patient?{MRN}"])
def test_if_none_exist_has_three_cases(api, way):
    first = api.post("Patient", patient(), If_None_Exist=way)
    again = api.post("Patient", patient(), If_None_Exist=way)
    assert (first.status, again.status) == (201, 200)
    assert again.headers["Location"] == first.headers["Location"]
    api.post("Patient", patient())
    assert api.post("Patient", patient(), If_None_Exist=way).status == 412


def test_a_condition_may_come_in_the_address_of_a_creation(api):
    first = api.post(f"Patient?{MRN}&_format=json", patient())
    again = api.post(f"Patient?{MRN}", patient())
    assert (first.status, again.status) == (201, 200)
    assert api.post("Patient?shoe=9", patient()).status == 400
    assert api.post("Patient?_pretty=true", patient()).status == 201


def test_prefer_is_kept_by_every_write(api, zhao):
    for send in (
        lambda **more: api.put("Patient/zhao", patient(id="zhao"), **more),
        lambda **more: api.put(f"Patient?{MRN}", patient(), **more),
        lambda **more: api.post("Patient", patient(), If_None_Exist=MRN, **more),
    ):
        assert send(Prefer="return=minimal").text == ""
        assert send(Prefer="return=OperationOutcome").issues == [("informational", "done")]
        assert send(Prefer='handling=strict; return="representation"').body["id"] == "zhao"
    gone = api.delete("Patient/zhao", Prefer="return=OperationOutcome")
    assert (gone.status, gone.issues) == (200, [("informational", "done")])


def test_handling_says_what_becomes_of_unknown_parameters(api, zhao):
    for address in ("Patient?shoe=9", "Patient/_history?shoe=9"):
        assert api.get(address).status == 400
        assert api.get(address, Prefer="handling=strict").status == 400
        assert api.get(address, Prefer="handling=lenient").status == 200


@pytest.mark.parametrize(
    ("query", "versions"),
    [
        ("", [4, 3, 2, 1]),
        ("_since=2026-03-03T08:00:00Z", [4, 3, 2]),
        ("_since=2026-03-03T16:00:00.001+08:00", [4, 3]),
        ("_since=2026-03-07", [4]),
        ("_at=2026-02-28", []),
        ("_at=2026-03-02", [1]),
        ("_at=2026-03-03", [2, 1]),
        ("_at=2026-03-04T00:00:00Z", [2]),
        ("_at=2026-03-05", [3, 2]),
        ("_at=2026-03-06", []),
        ("_at=2026-03", [4, 3, 2, 1]),
        ("_at=2027", [4]),
        ("_count=2", [4, 3]),
    ],
)
def test_a_history_in_time(api, past, query, versions):
    for place in ("Patient/zhao/_history", "Patient/_history", "_history"):
        found = api.get(f"{place}?{query}")
        tags = [entry["response"]["etag"] for entry in found.entries]
        assert tags == [f'W/"{number}"' for number in versions], place
        assert found.body.get("total") == (None if found.link("next") else len(versions))


def test_each_line_of_a_history_says_what_was_done(api, past):
    made = api.post("Patient", patient()).body["id"]
    lines = api.get("Patient/_history").entries
    said = [(e["request"]["method"], e["request"]["url"], e["response"]["status"]) for e in lines]
    assert said == [
        ("POST", "Patient", "201 Created"),
        ("PUT", "Patient/zhao", "200 OK"),
        ("DELETE", "Patient/zhao", "204 No Content"),
        ("PUT", "Patient/zhao", "200 OK"),
        ("PUT", "Patient/zhao", "201 Created"),
    ]
    assert lines[0]["fullUrl"] == f"http://testserver/fhir/Patient/{made}"
    assert ["resource" in line for line in lines] == [True, True, False, True, True]
    assert lines[4]["response"]["lastModified"] == "2026-03-01T08:00:00.000Z"
    gone = api.get("Patient/zhao/_history/3")
    assert (gone.status, gone.issues[0][0]) == (410, "deleted")


def test_pages_of_a_history_are_stable_while_it_grows(api):
    made = [api.post("Patient", patient()).body["id"] for _ in range(7)]
    page = api.get("Patient/_history?_count=3")
    seen = list(page.ids)
    while url := page.link("next"):
        api.post("Patient", patient())
        api.put(f"Patient/{made[0]}", patient(id=made[0]))
        page = api.get(url)
        seen += page.ids
    assert seen == made[::-1]


@pytest.mark.parametrize(
    "query", ["_count=0", "_count=-1", "_count=1e3", "_since=soon", "_at=x", "_cursor=x", "_x=1"]
)
def test_a_history_that_cannot_be(api, zhao, query):
    refused = api.get(f"Patient/_history?{query}")
    assert (refused.status, refused.body["issue"][0]["expression"]) == (400, [query.split("=")[0]])


def test_a_history_shows_what_a_read_would_show(api, zhao):
    made = api.post("Observation", observation()).body["id"]
    reader = partner("system/Observation.rs")
    assert api.get("_history", by=DR_SUN).entries == []
    assert api.get("_history", by=reader).body["total"] == 0
    access.grant(to=reader.reference, patient="Patient/zhao", why="r")
    assert api.get("_history", by=reader).ids == [made]
    assert api.get("Patient/_history", by=reader).status == 403
    assert api.get("Patient/zhao/_history", by=reader).status == 403


def test_several_types_are_searched_one_after_the_other(api):
    made = [api.post("Patient", patient()).body["id"] for _ in range(3)]
    seen = [api.post("Observation", observation(f"Patient/{made[0]}")).body["id"] for _ in range(3)]
    for page in (
        api.get("?_type=Patient,Condition,Observation&_count=2"),
        api.post("_search", "_type=Patient,Condition,Observation&_count=2", kind=FORM),
    ):
        ids = list(page.ids)
        while url := page.link("next"):
            page = api.get(url)  # noqa: PLW2901
            ids += page.ids
        assert ids == [*made, *seen]
    one = api.get(f"?_type=Patient&_id={made[1]}")
    assert (one.ids, one.body["total"]) == ([made[1]], 1)
    assert api.get(f"?_type=Patient,Observation&_id={seen[1]}").ids == [seen[1]]
    assert api.get("?_type=Patient,Observation", by=DR_SUN).entries == []
    assert api.get("?_type=Patient,Observation", by=partner("system/Patient.rs")).status == 403
    for query in ("", "_id=x", "_type=", "_type=Shoe", "_type=Patient,Patient", "_type=A&_type=B"):
        assert api.get(f"?{query}").status == 400, query
    assert api.get("?_type=Patient,Observation&_sort=_id").status == 400


FORM = "application/x-www-form-urlencoded"
PNG = bytes.fromhex("89504e470d0a1a0a00")


def test_a_binary_is_read_as_what_it_is(api):
    made = api.post("Binary", PNG, kind="image/png")
    assert made.status == 201
    assert base64.b64decode(made.body["data"]) == PNG
    address = f"Binary/{made.body['id']}"
    for accept in (
        {},
        {"Accept": "*/*"},
        {"Accept": "image/png"},
        {"Accept": "image/*, text/html"},
    ):
        raw = api.raw(address, **accept)
        assert (raw.status_code, raw.content, raw["Content-Type"]) == (200, PNG, "image/png")
        assert raw["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert raw["ETag"] == 'W/"1"'
    for accept in ("application/fhir+json", "application/json", "application/fhir+json, image/png"):
        assert api.get(address, Accept=accept).body["contentType"] == "image/png"
    assert api.get(f"{address}?_format=json", Accept="image/png").body["id"] == made.body["id"]
    assert api.raw(f"{address}/_history/1").content == PNG
    for accept in ("application/fhir+xml", "text/html"):
        assert api.get(address, Accept=accept).status == 406
    assert api.get(address, If_None_Match='W/"1"').status == 304
    assert api.get(address, by=DR_SUN).status == 404


def test_a_binary_is_written_as_what_it_is(api, zhao):
    put = api.put("Binary/scan", PNG, kind="image/png", X_Security_Context="Patient/zhao")
    assert put.status == 201
    assert put.body["securityContext"] == {"reference": "Patient/zhao"}
    own = {"resourceType": "Binary", "contentType": "text/plain", "data": "eA=="}
    assert api.raw(f"Binary/{api.post('Binary', own).body['id']}").content == b"x"
    # A resource of another type is content like any other (R4, binary.html).
    other = api.post("Binary", patient())
    assert (other.status, other.body["contentType"]) == (201, "application/fhir+json")
    assert api.post("Binary", b"x", kind="text/plain; charset=utf-8").status == 201
    assert api.post("Binary", b"x", kind="").status == 400
    assert api.post("Binary", b"x", kind="text/pl\xe4in").status == 400


def test_a_media_type_that_would_break_a_header_is_not_sent(api, monkeypatch):
    monkeypatch.setattr("records.validate.check", lambda *args, **more: None)
    body = {"resourceType": "Binary", "contentType": "text/html\nX: y", "data": "eA=="}
    made = store.create("Binary", body, by=DR_LIN).id
    assert api.raw(f"Binary/{made}")["Content-Type"] == "application/octet-stream"


@pytest.mark.parametrize(
    "path",
    [
        "Patient//_history",
        "Patient//zhao",
        "/Patient/zhao",
        "Patient/../Patient/zhao",
        "Patient/.",
        "Patient/..",
        "Patient/zhao/..",
        "Patient/zhao//",
    ],
)
def test_addresses_with_tricks_lead_nowhere(api, zhao, path):
    assert api.get_path(path).status == 404
    assert api.get_path(f"{path}/_history").status == 404


def test_an_address_may_end_with_a_slash(api, zhao):
    assert api.get("Patient/zhao/").status == 200
