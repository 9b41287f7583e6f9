"""What no room can mean is refused before the database sees it."""

import asyncio

import pytest
from django.test import Client

from config.asgi import application
from tests.accounts import make
from tests.consult.wire import Socket

pytestmark = pytest.mark.django_db


def asked(path: str, *headers: tuple[bytes, bytes]) -> int:
    """The status with which the whole application answers a GET."""
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request", "body": b""}

    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "scheme": "http"}
    scope |= {"headers": [(b"host", b"localhost"), *headers], "http_version": "1.1"}
    asyncio.run(application(scope, receive, send))
    return sent[0]["status"]


@pytest.mark.parametrize("path", ["/console/visits/\0/", "/fhir/Patient/a\0b", "/visit/\0/"])
def test_an_address_with_a_nul_is_a_bad_request(path):
    assert asked(path) == 400


def test_a_cookie_with_a_nul_is_a_bad_request():
    assert asked("/console/", (b"cookie", b'sessionid="' + b"\\000" * 9 + b'"')) == 400


@pytest.mark.parametrize("path", ["/ws/console/visits/\0/", "/ws/nothing/", "/nothing"])
def test_a_socket_to_nowhere_is_closed(path):
    async def code() -> int | None:
        origin = [(b"origin", b"http://localhost"), (b"host", b"localhost")]
        return await Socket(path, origin).connect()

    assert asyncio.run(code()) in (4400, 4404)


@pytest.mark.parametrize(
    ("origin", "answer"),
    [
        (b"http://localhost", None),
        (b"http://127.0.0.1:8000", None),
        (b"http://localhost:9999", 4403),
        (b"https://localhost", 4403),
    ],
)
def test_a_socket_opens_to_our_own_pages_only(origin, answer):
    async def code() -> int | None:
        wire = Socket("/ws/room/x/", [(b"origin", origin), (b"host", b"localhost")])
        found = await wire.connect()
        await wire.close()
        return found

    assert asyncio.run(code()) == answer


def test_a_form_or_a_query_with_a_nul_is_a_bad_request():
    client = make.signed_in(make.staff("lin", "doctor"))
    assert client.get("/console/diagnoses?q=a%00").status_code == 400
    assert client.post("/console/visits/x/note", {"plan": "a\0b", "version": 0}).status_code == 400
    assert Client().post("/accounts/patient/choice/", {"account": "\0"}).status_code == 400
