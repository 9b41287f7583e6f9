"""/fhir as uvicorn sees it: its own ASGI application on threads that keep their connection."""

import asyncio

import httpx
import pytest
from django.db import connection

from config.asgi import Doors
from records.api import asgi, auth
from tests.records.cast import DR_LIN, patient

pytestmark = pytest.mark.django_db(transaction=True)
HEAD = {"content-type": "application/fhir+json"}


@pytest.fixture
async def client(monkeypatch):
    monkeypatch.setattr(auth, "_registered", auth._Registered())
    auth.register(lambda request: DR_LIN)
    doors = Doors()
    transport = httpx.ASGITransport(app=doors)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        client.doors = doors
        yield client
    await asyncio.to_thread(doors.fhir.close)
    await asyncio.to_thread(doors.fhir.close)


@pytest.mark.parametrize("base", ["/fhir", "/fhir/"])
async def test_the_base_answers_with_and_without_a_slash(client, base):
    bundle = {"resourceType": "Bundle", "type": "transaction"}
    done = await client.post(base, json=bundle, headers=HEAD)
    assert (done.status_code, done.json()["type"]) == (200, "transaction-response")


async def test_many_at_once(client):
    made = await asyncio.gather(
        *(
            client.put(f"/fhir/Patient/p{n}", json=patient(id=f"p{n}"), headers=HEAD)
            for n in range(30)
        )
    )
    assert {one.status_code for one in made} == {201}
    found = (await client.get("/fhir/Patient?_summary=count")).json()
    assert found["total"] == 30
    read = await client.get("/fhir/Patient/p7")
    assert read.headers["content-length"] == str(len(read.content))
    assert read.headers["x-content-type-options"] == "nosniff"
    head = await client.head("/fhir/Patient/p7")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == 'W/"1"'


async def test_a_huge_body_and_a_crowd_are_refused(client, settings, monkeypatch):
    settings.FHIR_MOST_BYTES = 100
    huge = await client.post("/fhir/Patient", json=patient(), headers=HEAD)
    assert (huge.status_code, huge.json()["issue"][0]["code"]) == (413, "too-long")
    monkeypatch.setattr(asgi, "MOST_WAITING", 0)
    busy = await client.get("/fhir/metadata")
    assert (busy.status_code, busy.headers["retry-after"]) == (503, "1")


@pytest.mark.skipif(connection.vendor != "postgresql", reason="only a server can say goodbye")
async def test_a_restart_of_the_database_costs_no_request(client):
    assert (await client.get("/fhir/Patient")).status_code == 200
    held = [wrapper.connection.info.backend_pid for wrapper in client.doors.fhir._held]
    await asyncio.to_thread(_cut, held)
    for _ in range(asgi.THREADS + 1):
        assert (await client.get("/fhir/Patient")).status_code == 200


def _cut(backends):
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid, 5000) FROM unnest(%s) AS pid", [backends])
        assert cursor.fetchall() == [(True,)] * len(backends)
    connection.close()


async def test_a_stranger_host_is_refused(client):
    refused = await client.get("/fhir/metadata", headers={"host": "evil.example"})
    assert refused.status_code == 400
    assert refused.json()["resourceType"] == "OperationOutcome"
