"""Rooms from the outside: services, tickets, relays and the socket."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Any

import pytest
import time_machine
from asgiref.testing import ApplicationCommunicator
from channels.db import database_sync_to_async
from channels.routing import URLRouter

from kernel.errors import Forbidden, Refused
from kernel.principal import SYSTEM, Principal
from signaling import consumers, protocol, services, tickets, turn
from signaling.client import Client
from signaling.routing import sockets
from signaling.workflow import ROOM
from tests.signaling.cast import Picture, Tone, sees, until
from tests.signaling.server import open_room, serving

LIN = Principal("Practitioner/lin", "chc", frozenset({"doctor"}), name="林")


@pytest.fixture
def in_one_process(settings):
    settings.REDIS_URL = ""
    settings.MEDIA_ADDRESSES = ["127.0.0.1"]
    settings.MEDIA_PORTS = None
    settings.TURN_URLS = []


@pytest.mark.django_db
def test_a_purpose_has_one_open_room_and_a_new_one_after_it_was_closed():
    room = services.open_room(purpose="visit:1", by=LIN)
    assert services.open_room(purpose="visit:1", by=LIN) == room
    assert services.open_room(purpose="visit:2", by=LIN) != room
    closed = services.close_room(room, by=LIN)
    assert closed.state == "closed"
    assert services.close_room(closed, by=LIN).transitions.count() == 1
    assert services.open_room(purpose="visit:1", by=LIN) != room
    with pytest.raises(Refused):
        services.issue_ticket(closed, who="x", name="x", role="host")


@pytest.mark.django_db
@pytest.mark.parametrize("state", sorted(ROOM.states))
@pytest.mark.parametrize("role", ["doctor", "nurse", "admin", "patient", "system", "auditor"])
def test_every_state_and_role_agrees_with_the_table(state, role):
    open_to = [t.name for t in ROOM.allowed(state, [role])]
    assert open_to == (["close"] if state == "open" and role != "auditor" else [])


def test_a_ticket_opens_its_room_for_two_minutes():
    ticket = tickets.Ticket("r", "Practitioner/lin", "林", "host")
    with time_machine.travel("2026-01-01T00:00Z", tick=False) as traveller:
        text = tickets.issue(ticket)
        assert tickets.read(text, room="r") == ticket
        with pytest.raises(Forbidden):
            tickets.read(text, room="other")
        with pytest.raises(Forbidden):
            tickets.read(text[:-2] + "xx", room="r")
        traveller.shift(121)
        with pytest.raises(Forbidden):
            tickets.read(text, room="r")


def test_relays_get_credentials_that_coturn_accepts(settings):
    settings.TURN_URLS, settings.TURN_SECRET = ["turns:t.example:443?transport=tcp"], "secret"
    (relay,) = turn.relays()
    expected = hmac.new(b"secret", relay.username.encode(), hashlib.sha1).digest()
    assert base64.b64decode(relay.credential) == expected
    assert relay.username.split(":")[0].isdigit()
    settings.TURN_URLS = []
    assert turn.relays() == ()


async def refused(messages: Sequence[str | bytes], *, room: str = "r") -> tuple[list[str], int]:
    """What the socket says to ``messages``, by type, and the code it closes with."""
    scope = {"type": "websocket", "path": f"/room/{room}/", "headers": [], "subprotocols": []}
    communicator: Any = ApplicationCommunicator
    socket = communicator(URLRouter(sockets), scope)
    await socket.send_input({"type": "websocket.connect"})
    assert (await socket.receive_output(5))["type"] == "websocket.accept"
    for message in messages:
        kind = "bytes" if isinstance(message, bytes) else "text"
        await socket.send_input({"type": "websocket.receive", kind: message})
    heard = []
    while (event := await socket.receive_output(5))["type"] == "websocket.send":
        heard.append(json.loads(event["text"])["type"])
    await socket.send_input({"type": "websocket.disconnect", "code": event["code"]})
    await socket.wait(5)
    return heard, event["code"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("nonsense", 4400),
        (b"\xff\xfe", 4400),
        ('{"type": "ping", "number": 1}', 4400),
        ('{"type": "join", "ticket": "forged"}', 4401),
        ("x" * 100_000, 4400),
    ],
)
async def test_whoever_does_not_begin_with_a_good_ticket_is_turned_away(message, code):
    assert await refused([message]) == (["error", "closed"], code)


@pytest.mark.django_db(transaction=True)
async def test_a_closed_room_is_not_entered(in_one_process):
    room = await open_room()
    ticket = services.issue_ticket(room, who="x", name="x", role="guest")
    await database_sync_to_async(services.close_room)(room, by=SYSTEM)
    join = protocol.dump(protocol.Join(ticket))
    assert await refused([join], room=room.public_id) == (["error", "closed"], 4404)


@pytest.mark.django_db(transaction=True)
async def test_whoever_says_nothing_is_turned_away(monkeypatch):
    monkeypatch.setattr(consumers, "JOINS_WITHIN", 0.05)
    assert await refused([]) == ([], 4408)


@pytest.mark.django_db(transaction=True)
async def test_whoever_says_too_much_is_turned_away(in_one_process):
    room = await open_room()
    ticket = services.issue_ticket(room, who="x", name="x", role="guest")
    flood = [protocol.dump(protocol.Join(ticket))]
    flood += [protocol.dump(protocol.Ping(n)) for n in range(consumers.BURST + 10)]
    heard, code = await refused(flood, room=room.public_id)
    assert code == 4429
    assert heard[-1] == "closed"
    await services.stop_media()


@pytest.mark.django_db(transaction=True)
async def test_two_meet_through_the_sockets_and_their_presence_is_told(in_one_process, presence):
    room = await open_room("visit:7")
    async with serving() as address:
        url = f"ws://{address}/ws/room/{room.public_id}/"
        clients = []
        for who in ("lin", "zhao"):
            client = Client(tracks=[Tone(), Picture()])
            await client.connect(url, services.issue_ticket(room, who=who, name=who, role="host"))
            clients.append(client)
        lin, zhao = clients
        await until(lambda: sees(lin, zhao) and sees(zhao, lin))
        await until(lambda: len(presence) == 2)
        assert {p.who for p in services.participants(room)} == {"lin", "zhao"}
        await lin.close()
        await until(lambda: ("visit:7", "lin", False) in presence)
        await database_sync_to_async(services.close_room)(room, by=SYSTEM)
        await zhao.closed.wait()
        assert zhao.reason == "closed"
        await until(lambda: ("visit:7", "zhao", False) in presence)
        await zhao.close()
    assert presence[:2] == [("visit:7", "lin", True), ("visit:7", "zhao", True)]


@pytest.fixture
def presence(monkeypatch):
    told = []
    monkeypatch.setattr(services, "_on_presence", [])

    def fail(purpose: str, who: str, present: bool) -> None:
        raise RuntimeError("one who fails does not keep the others from hearing")

    services.on_presence(fail)
    services.on_presence(lambda *what: told.append(what))
    return told


async def test_the_consumer_does_not_wait_for_slow_readers():
    consumer = consumers.RoomConsumer()
    consumer._out = asyncio.Queue(1)
    ended = []

    async def end(reason):
        ended.append(reason)

    setattr(consumer, "_end", end)  # noqa: B010
    consumer._sending = asyncio.create_task(asyncio.sleep(60))
    consumer.say(protocol.Pong(1))
    consumer.say(protocol.Pong(2))
    await until(lambda: ended == ["slow"])
    assert consumer._sending.cancelled()
