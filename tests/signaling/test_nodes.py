"""Media nodes of their own behind Redis: placement, the loss of a node, of a web process."""

import asyncio
import secrets
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from django.conf import settings as django_settings
from redis.asyncio import Redis

from signaling import bus, protocol
from signaling.client import Client
from signaling.media.node import Node
from signaling.node_process import NodeProcess
from signaling.redis_link import RedisLink, RemoteSeat
from tests.signaling.cast import Picture, Tone, entrant, sees, until

pytestmark = pytest.mark.skipif(not django_settings.REDIS_URL, reason="needs Redis or Valkey")


class LinkWire:
    """A wire over the link, as the consumer is one."""

    def __init__(self, link: RedisLink, room: str, who: str) -> None:
        self._link, self._room, self._who = link, room, who
        self._queue: asyncio.Queue[protocol.ServerMessage] = asyncio.Queue()
        self.presence: list[bool] = []
        self.seat: RemoteSeat | None = None

    async def join(self) -> "LinkWire":
        self.seat = await self._link.join(self._room, entrant(self._who), self)
        return self

    def say(self, message: protocol.ServerMessage) -> None:
        self._queue.put_nowait(message)

    def present(self, present: bool) -> None:
        self.presence.append(present)

    async def send(self, message: str) -> None:
        if self.seat is not None:
            self.seat.receive(protocol.parse_client(message))

    async def __aiter__(self) -> AsyncIterator[str]:
        while True:
            message = await self._queue.get()
            yield protocol.dump(message)
            if isinstance(message, protocol.Closed):
                return

    async def close(self) -> None:
        if self.seat is not None:
            self.seat.leave()


class Machine:
    """One media node, as its process runs it."""

    def __init__(self) -> None:
        self.node = Node(addresses=["127.0.0.1"])
        self._redis = Redis.from_url(
            f"{django_settings.REDIS_URL}/{bus.DATABASE}", decode_responses=True
        )
        self.process = NodeProcess(self.node, self._redis)

    async def start(self) -> "Machine":
        await self.node.start()
        self._work = asyncio.create_task(self.process.run())
        await until(lambda: self.process.beaten)
        return self

    async def stop(self) -> None:
        self._work.cancel()
        await asyncio.wait([self._work])
        await self._redis.aclose()

    async def die(self) -> None:
        """As if the power went: no goodbye to anybody."""
        setattr(self.process, "_drain", self._nothing)  # noqa: B010
        self._work.cancel()
        await asyncio.wait([self._work])
        await self._redis.delete(bus.node_alive(self.process.id))
        await self.node.close()

    async def _nothing(self) -> None:
        pass


@pytest_asyncio.fixture(autouse=True)
async def nobody_s_nodes() -> AsyncIterator[None]:
    """Nodes of processes that earlier tests started would be found for some seconds more."""
    redis = Redis.from_url(f"{django_settings.REDIS_URL}/{bus.DATABASE}")
    await redis.flushdb()
    yield
    await redis.aclose()


@pytest_asyncio.fixture
async def link() -> AsyncIterator[RedisLink]:
    link = RedisLink(django_settings.REDIS_URL)
    yield link
    await link.close()
    await link.close()


@pytest_asyncio.fixture
async def machines() -> AsyncIterator[list[Machine]]:
    machines = [await Machine().start(), await Machine().start()]
    yield machines
    for machine in machines:
        await machine.stop()


@pytest.fixture
def room() -> str:
    return secrets.token_hex(4)


class Guest(Client):
    """A client that remembers its wire."""

    def __init__(self, wire: LinkWire) -> None:
        super().__init__(tracks=[Tone(), Picture()])
        self.wire = wire


async def come(link: RedisLink, room: str, who: str) -> Guest:
    client = Guest(await LinkWire(link, room, who).join())
    client.attach(client.wire)
    await client.entered()
    return client


async def test_without_a_node_whoever_comes_is_told_to_try_again(link, room):
    assert not link.ready()
    with pytest.raises(ConnectionError, match="rejoin"):
        await come(link, room, "lin")


async def test_a_room_is_on_one_node_and_the_next_room_on_the_other(link, machines, room):
    assert link.ready()
    lin, zhao = await come(link, room, "lin"), await come(link, room, "zhao")
    await until(lambda: sees(lin, zhao) and sees(zhao, lin))
    busy = [m for m in machines if m.node.rooms]
    assert [m.node.rooms for m in busy] == [[room]]
    other = await come(link, room + "x", "chen")
    assert [m.node.rooms for m in machines if m not in busy] == [[room + "x"]]
    await until(lambda: len(link.participants(room)) == 2)
    assert lin.wire.presence == [True]
    link.close_room(room)
    await lin.closed.wait()
    assert lin.reason == "closed"
    for client in (lin, zhao, other):
        await client.close()


async def test_when_a_node_dies_people_rejoin_on_another(link, machines, room):
    lin, zhao = await come(link, room, "lin"), await come(link, room, "zhao")
    await until(lambda: sees(lin, zhao))
    dead = next(m for m in machines if m.node.rooms)
    await dead.die()
    for client in (lin, zhao):
        await asyncio.wait_for(client.closed.wait(), 15)
        assert client.reason == "rejoin"
        assert client.wire.presence == [True, False]
        await client.close()
    lin, zhao = await come(link, room, "lin"), await come(link, room, "zhao")
    await until(lambda: sees(lin, zhao) and sees(zhao, lin))
    assert [m.node.rooms for m in machines if m is not dead] == [[room]]
    for client in (lin, zhao):
        await client.close()


async def test_a_node_that_is_stopped_sends_its_people_on_first(link, machines, room):
    lin = await come(link, room, "lin")
    busy = next(m for m in machines if m.node.rooms)
    await busy.stop()
    await asyncio.wait_for(lin.closed.wait(), 5)
    assert lin.reason == "rejoin"
    machines.remove(busy)
    await lin.close()


async def test_when_a_web_process_dies_its_people_do_not_stay_as_ghosts(machines, room):
    gone = RedisLink(django_settings.REDIS_URL)
    lin = await come(gone, room, "lin")
    busy = next(m for m in machines if m.node.rooms)
    for task in gone._tasks:
        task.cancel()
    assert gone._redis is not None
    await gone._redis.delete(bus.web_alive(gone._web))
    await until(lambda: busy.node.rooms == [], within=15)
    await lin.close()
    await gone.close()
