"""Whatever is sent, the running service says soon what is wrong, and keeps nothing of it."""

import base64
import json
import socket
import time
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx
import pytest
from django.core.management import call_command
from django.test import override_settings

from records.api import asgi, auth
from records.models import IndexRow, Resource, ResourceVersion
from tests.records.cast import DR_LIN, observation, patient
from tests.records.running import running

pytestmark = pytest.mark.django_db
SECRET = "Zhao-Secret-7391"
FHIR = {"Content-Type": "application/fhir+json"}
# The whole process, client and server together; wall time would tell of the neighbours too.
CPU_SECONDS = 1.0


@pytest.fixture(scope="module")
def base(django_db_setup, django_db_blocker):
    """One service for all: what is refused leaves nothing that another test could stumble over."""
    with (
        pytest.MonkeyPatch.context() as patched,
        override_settings(ALLOWED_HOSTS=["127.0.0.1"]),
        django_db_blocker.unblock(),
    ):
        patched.setattr(auth, "_registered", auth._Registered())
        auth.register(lambda request: DR_LIN)
        with running() as base:
            yield base
        call_command("flush", interactive=False, verbosity=0)


@pytest.fixture
def service(base, caplog):
    """A client; at the end, the log must not have heard of the patient."""
    caplog.set_level("DEBUG")
    with httpx.Client(base_url=base, timeout=30, trust_env=False) as client:
        client.before = versions()
        yield client
    # httpx and httpcore tell of their own requests; ours is what the service logs.
    said = "\n".join(r.getMessage() for r in caplog.records if not r.name.startswith("http"))
    assert SECRET not in said


def versions():
    return ResourceVersion.objects.count(), Resource.objects.count(), IndexRow.objects.count()


def nothing_is_kept(service):
    return versions() == service.before


def soon(call):
    """The answer, which came soon and is an OperationOutcome where it is a refusal."""
    begun = time.process_time()
    answer = call()
    spent = time.process_time() - begun
    assert spent < CPU_SECONDS, f"{spent:.2f} s of CPU"
    if answer.status_code >= 400:
        body = answer.json()
        assert body["resourceType"] == "OperationOutcome", answer.text[:200]
        assert all(issue["diagnostics"] for issue in body["issue"])
    return answer


def text_of(**more):
    return json.dumps(patient(name=[{"family": SECRET}], **more))


def nested(depth):
    return '{"extension":[' * depth + "{}" + "]}" * depth


BODIES = {
    "deep arrays": ("[" * 200_000, 400),
    "deep objects": ('{"a":' * 200_000, 400),
    "deep extensions": ('{"resourceType":"Patient","extension":[' + nested(400) + "]}", 422),
    "deeper extensions": ('{"resourceType":"Patient","extension":[' + nested(20_000) + "]}", 400),
    "a key twice": ('{"resourceType":"Patient","gender":"male","gender":"female"}', 400),
    "a key twice within": ('{"resourceType":"Patient","name":[{"family":"a","family":"b"}]}', 400),
    "NaN": ('{"resourceType":"Patient","multipleBirthInteger":NaN}', 400),
    "Infinity": ('{"resourceType":"Patient","multipleBirthInteger":-Infinity}', 400),
    "UTF-16": (text_of().encode("utf-16"), 400),
    "UTF-16 without a mark": (text_of().encode("utf-16-le"), 400),
    "UTF-8 with a mark": (text_of().encode("utf-8-sig"), 400),
    "Latin-1": ('{"resourceType":"Patient","name":[{"family":"Zh\xe0o"}]}'.encode("latin-1"), 400),
    "a surrogate in bytes": (b'{"resourceType":"Patient","id":"\xed\xa0\x80"}', 400),
    "a lone surrogate": ('{"resourceType":"Patient","name":[{"family":"\\ud800"}]}', 422),
    "a lone surrogate as a key": ('{"resourceType":"Patient","\\udfff":1}', 422),
    "a lone surrogate as a type": ('{"resourceType":"\\ud800"}', 400),
    "NUL": ('{"resourceType":"Patient","name":[{"family":"a\\u0000b"}]}', 422),
    "NUL as it is": (b'{"resourceType":"Patient","name":[{"family":"a\0b"}]}', 400),
    "5,000 digits": ('{"resourceType":"Patient","multipleBirthInteger":' + "9" * 5000 + "}", 400),
    "400 digits": ('{"resourceType":"Patient","multipleBirthInteger":' + "9" * 400 + "}", 400),
    "1e400": (json.dumps(observation())[:-1] + ',"valueInteger":1e400}', 400),
    "a huge exponent": ('{"resourceType":"Observation","valueInteger":1E+1000000000}', 400),
    "a tiny exponent": ('{"resourceType":"Observation","valueInteger":1E-99999999999999999}', 400),
    "a million spaces in base64": (
        text_of(photo=[{"contentType": "a/b", "data": " " * 1_000_000 + "!"}]),
        422,
    ),
    "a million spaces in a code": (text_of(gender="a " * 250_000 + " "), 422),
    "a million slashes": (text_of(link=[{"other": {"reference": "Aa/" * 300_000}}]), 422),
    "a million letters": (text_of(link=[{"other": {"reference": "A" * 1_000_000}}]), 422),
    "a link without an end": (
        text_of(text={"status": "generated", "div": "<div><a" + " href='" * 100_000 + "</div>"}),
        422,
    ),
    "a billion laughs": (
        text_of(
            text={
                "status": "generated",
                "div": '<!DOCTYPE d [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><div>&b;</div>',
            }
        ),
        422,
    ),
    "100,000 names that are wrong": (text_of(contact=[{}] * 100_000), 422),
    "100,000 unknown elements": (text_of(**{f"x{n}": n for n in range(100_000)}), 422),
    "an empty body": ("", 400),
    "an unknown type": ('{"resourceType":"Spaceship"}', 400),
    "a type that is no text": ('{"resourceType":{"x":1}}', 400),
}  # fmt: skip


@pytest.mark.parametrize("name", BODIES)
def test_bodies(service, name):
    body, status = BODIES[name]
    answer = soon(lambda: service.post("/Patient", content=body, headers=FHIR))
    assert answer.status_code == status, answer.text[:300]
    assert SECRET not in answer.text
    assert nothing_is_kept(service)


BUNDLES = {
    "entries that are no list": {"entry": {"a": 1}},
    "an entry of every kind of nonsense": {"entry": [3]},
    "a type that is no text": {"entry": [], "type": ["batch"]},
    "a method that is no text": {"entry": [{"request": {"method": ["GET"], "url": "Patient"}}]},
    "an address of another service": {
        "entry": [{"request": {"method": "DELETE", "url": "http://evil.example/Patient/1"}}]
    },
    "an address with tricks": {"entry": [{"request": {"method": "GET", "url": "Patient/../x"}}]},
    "a Bundle that reads itself": {"entry": [{"request": {"method": "GET", "url": ""}}]},
    "a condition that is no text": {
        "entry": [
            {
                "resource": patient(),
                "request": {"method": "POST", "url": "Patient", "ifNoneExist": {"a": 1}},
            }
        ]
    },
    "a full URL that is no text": {
        "entry": [
            {
                "fullUrl": ["x"],
                "resource": patient(gender=3),
                "request": {"method": "POST", "url": "Patient"},
            }
        ]
    },
}


@pytest.mark.parametrize("name", BUNDLES)
def test_bundles(service, name):
    body = {"resourceType": "Bundle", "type": "transaction", **BUNDLES[name]}
    answer = soon(lambda: service.post("", json=body, headers=FHIR))
    assert 400 <= answer.status_code < 500, answer.text[:300]
    assert nothing_is_kept(service)


def test_a_bundle_of_too_many_entries(service, settings):
    settings.FHIR_MOST_ENTRIES = 100
    entry = {"request": {"method": "POST", "url": "Patient"}, "resource": patient()}
    body = {"resourceType": "Bundle", "type": "transaction", "entry": [entry] * 101}
    answer = soon(lambda: service.post("", json=body, headers=FHIR))
    assert (answer.status_code, "100" in answer.text) == (422, True)
    assert nothing_is_kept(service)


INJECTION = "' OR 1=1; DROP TABLE records_resource; --"
QUERIES = [
    "_count=1000000000",
    "_count=-1",
    "_count=" + "9" * 5000,
    "_offset=1",
    "name=" + ",".join(f"x{n}" for n in range(500)),
    "identifier=" + ",".join(f"s|{n}" for n in range(500)),
    "&".join(f"name=x{n}" for n in range(900)),
    "&".join(f"name=x{n}" for n in range(1500)),
    "birthdate=" + ",".join("ge2020" for _ in range(500)),
    "birthdate=99999-99-99",
    "birthdate=0000",
    "birthdate=ap" + "9" * 5000,
    "_lastUpdated=ge9999-12-31T23:59:59.999999999-14:00",
    "_include=Patient:link&_include:iterate=Patient:link&_revinclude:iterate=Patient:link",
    "_include=*",
    "_include=" + ":" * 5000,
    "_has:" * 50 + "x=1",
    "general-practitioner." * 50 + "name=x",
    "name:contains=" + "%25" * 1000,
    "name=" + "(a%2B)%2B" * 200 + "!",
    "name:exact=" + "\\" * 3000,
    "name=" + "," * 5000,
    "_sort=" + ",".join(["-birthdate"] * 500),
    "_elements=" + ",".join(["x"] * 5000),
    "_cursor=" + "A" * 5000,
    "_cursor=%00",
    "name=%00",
    "%00=x",
    "name=%ff%fe",
    "name=%ed%a0%80",
    "=x",
    "&&&",
    "_type=Patient",
    f"{quote(INJECTION)}=x",
    f"name={quote(INJECTION)}",
    f"_id={quote(INJECTION)}",
    f"identifier={quote(INJECTION)}|{quote(INJECTION)}",
    f"birthdate={quote(INJECTION)}",
    f"general-practitioner={quote(INJECTION)}",
    f"_sort={quote(INJECTION)}",
    f"_count={quote(INJECTION)}",
    f"_lastUpdated={quote(INJECTION)}",
    f"_has:Observation:{quote(INJECTION)}:code=x",
    f"_include=Patient:{quote(INJECTION)}",
    f"_summary={quote(INJECTION)}",
    f"_total={quote(INJECTION)}",
    f"_cursor={quote(INJECTION)}",
]


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query[:30])
def test_searches(service, query):
    answer = soon(lambda: service.get(f"/Patient?{query}"))
    assert answer.status_code in (200, 400, 403, 422), answer.text[:300]
    assert len(answer.content) < 100_000
    if answer.status_code == 200:
        assert answer.json()["type"] == "searchset"
    assert nothing_is_kept(service)


@pytest.mark.parametrize(
    "value",
    ["1e400", "-1e400", "1e-400", "9" * 5000, "1E+1000000000", "NaN", "inf", "0x1p9999", "١"],
)
def test_numbers_beyond_a_double(service, value):
    for query in (f"value-quantity={value}", f"value-quantity=gt{value}|http://x.example|kg"):
        answer = soon(lambda query=query: service.get(f"/Observation?{query}"))
        assert answer.status_code in (200, 400), answer.text[:300]
    assert soon(lambda: service.get(f"/RiskAssessment?probability=le{value}")).status_code in (
        200,
        400,
    )


PATHS = [
    "/Patient/../metadata/x",
    "/Patient/..",
    "/Patient//_history",
    "/Patient/%2e%2e/Patient",
    "/Patient/%2Fetc%2Fpasswd",
    "/Patient/..%2f..%2fetc",
    "/Patient/" + "x" * 5000,
    "/Patient/x/_history/" + "9" * 5000,
    "/Patient/x/_history/-1",
    f"/Patient/{quote(INJECTION)}",
    f"/{quote(INJECTION)}",
    f"/Patient/x/{quote(INJECTION)}",
    "/Patient/%F0%9F%98%80",
    "/Patient/%ff",
    "/Patient/x\\..\\y",
    "/$" + "x" * 3000,
    "/Patient/$",
    "/_history/_history",
    "/Patient/_search/1",
]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path[:30])
def test_paths(service, path):
    # As it is: httpx would tidy it up.
    answer = soon(lambda: as_it_is(service, f"GET /fhir{path} HTTP/1.1"))
    assert answer.status_code == 404, answer.text[:300]


HEADERS = ["If-Match", "If-None-Match", "If-None-Exist", "If-Modified-Since", "Prefer", "Accept"]


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize("value", [INJECTION, '"' * 5000, "W/" * 3000, ",;=" * 2000, "9" * 5000])
def test_headers(service, name, value):
    for method, address in (("POST", "/Patient"), ("PUT", "/Patient/a"), ("GET", "/Patient/b")):
        content = json.dumps(patient(id="a")) if method != "GET" else None
        answer = soon(
            lambda how=(method, address), content=content: service.request(
                *how, content=content, headers={**FHIR, name: value}
            )
        )
        assert answer.status_code < 500, answer.text[:300]
        if address == "/Patient/b":
            assert answer.status_code in (404, 406)


def test_a_thousand_headers(service):
    many = [("X-Many", "x" * 20)] * 1000
    answer = soon(lambda: service.get("/metadata", headers=many))
    assert answer.status_code == 431


def endless(size):
    part = b'"' + b"x" * 65_535
    for _ in range(0, size, len(part)):
        yield part


@pytest.mark.parametrize("declared", [True, False])
def test_a_hundred_megabytes_are_refused_and_not_kept(service, settings, declared):
    settings.FHIR_MOST_BYTES = 20 * 1024 * 1024
    size = 100 * 1024 * 1024
    more = {"Content-Length": str(size)} if declared else {}
    before = peak()
    answer = service.post("/Patient", content=endless(size), headers={**FHIR, **more})
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (413, "too-long")
    assert answer.headers["connection"] == "close"
    assert peak() - before < 60 * 1024 * 1024
    assert nothing_is_kept(service)


def peak():
    """The most memory that this process ever had, in bytes."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def test_a_body_that_never_ends_is_answered(service, settings, monkeypatch):
    monkeypatch.setattr(asgi, "BODY_SECONDS", 0.3)
    head = "POST /fhir/Patient HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Type: text/plain"
    answer = as_it_is(service, head, b"5\r\nhello\r\n")
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (408, "timeout")


def test_a_body_that_is_cut_off_is_not_kept(service):
    address = urlsplit(str(service.base_url))
    with socket.create_connection((address.hostname, address.port), timeout=10) as line:
        line.sendall(
            b"POST /fhir/Binary HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/png\r\n"
            b"Content-Length: 1000\r\n\r\nhalf of it"
        )
    assert soon(lambda: service.get("/Binary")).json().get("entry") is None
    assert nothing_is_kept(service)


def as_it_is(service, head, body=b""):
    """The answer to a request whose first lines are sent as they are."""
    address = urlsplit(str(service.base_url))
    with socket.create_connection((address.hostname, address.port), timeout=10) as line:
        end = f"{head}\r\nHost: 127.0.0.1\r\nAccept: application/fhir+json\r\n\r\n"
        line.sendall(end.encode() + body)
        answer = b""
        while not is_whole(answer):
            part = line.recv(65536)
            assert part, "the line was cut"
            answer += part
    first, _, content = answer.partition(b"\r\n\r\n")
    return httpx.Response(int(first.split()[1]), content=content)


def is_whole(answer):
    head, end, content = answer.partition(b"\r\n\r\n")
    length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
    return bool(end) and len(content) >= int(length or 0)


PATCHES = {
    "a deep value": '[{"op":"add","path":"/extension","value":' + "[" * 900 + "]" * 900 + "}]",
    "a huge number": '[{"op":"add","path":"/multipleBirthInteger","value":1E+1000000000}]',
    "a long pointer": json.dumps([{"op": "remove", "path": "/a" * 100_000}]),
    "a copy of copies": json.dumps([{"op": "copy", "from": "/name", "path": "/name/-"}] * 900),
    "a surrogate": '[{"op":"add","path":"/language","value":"\\ud800"}]',
}


@pytest.mark.parametrize("name", PATCHES)
def test_patches(service, name):
    service.put("/Patient/a", json=patient(id="a"), headers=FHIR)
    service.before = versions()
    kind = {"Content-Type": "application/json-patch+json"}
    answer = soon(lambda: service.patch("/Patient/a", content=PATCHES[name], headers=kind))
    assert answer.status_code in (400, 422), answer.text[:300]
    assert nothing_is_kept(service)


@pytest.mark.parametrize(
    "path",
    [
        "Patient.name.where(given.matches('(a+)+$'))",
        "Patient" + ".descendants()" * 50,
        "Patient.repeat($this)",
        "(" * 5000 + "Patient" + ")" * 5000,
        "Patient.name[" + "9" * 5000 + "]",
        INJECTION,
        "\0",
    ],
    ids=lambda path: path[:30],
)
def test_paths_of_patches(service, path):
    service.put("/Patient/a", json=patient(id="a", name=[{"given": ["a" * 5000]}]), headers=FHIR)
    parts = [{"name": "type", "valueCode": "delete"}, {"name": "path", "valueString": path}]
    body = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": parts}]}
    answer = soon(lambda: service.patch("/Patient/a", json=body, headers=FHIR))
    assert answer.status_code in (200, 400, 422), answer.text[:300]


def test_a_patch_in_a_bundle_that_is_no_base64(service):
    binary = {"resourceType": "Binary", "contentType": "application/json-patch+json"}
    for data in ("!", 3, None, base64.b64encode(b"\xff").decode()):
        entry = {
            "request": {"method": "PATCH", "url": "Patient/a"},
            "resource": binary | {"data": data},
        }
        body = {"resourceType": "Bundle", "type": "batch", "entry": [entry]}
        answer = soon(lambda body=body: service.post("", json=body, headers=FHIR))
        assert answer.json()["entry"][0]["response"]["status"][:3] in ("400", "422")
