"""A media node as a process of its own, reached through Redis."""

import asyncio
import json
import logging
import secrets
import signal
from dataclasses import asdict
from typing import Any

from django.conf import settings
from redis.asyncio import Redis
from redis.exceptions import RedisError

from kernel.errors import Invalid
from signaling import bus, protocol
from signaling.media.node import Node
from signaling.media.peer import Peer

log = logging.getLogger(__name__)


class RemoteListener:
    """The way back to a participant whose socket another process holds."""

    def __init__(self, outbox: bus.Outbox, web: str, session: str) -> None:
        self._outbox, self._session = outbox, session
        self.web = web

    def say(self, message: protocol.ServerMessage) -> None:
        """Send a message."""
        self._put({"raw": protocol.dump(message)})

    def present(self, present: bool) -> None:
        """Their media has come up or gone."""
        self._put({"present": present})

    def _put(self, what: dict[str, Any]) -> None:
        self._outbox.put(bus.web_in(self.web), {**what, "session": self._session})


class NodeProcess:
    """Carries out the commands of web processes on one node, and keeps its leases alive.

    ``beaten`` is True once web processes can find it.
    """

    def __init__(self, node: Node, redis: Redis) -> None:
        self.id = secrets.token_hex(8)
        self._node = node
        self._redis = redis
        self._outbox = bus.Outbox(redis)
        self._peers: dict[str, tuple[Peer, RemoteListener]] = {}
        self._held: set[str] = set()
        self._draining = False
        self.beaten = False

    async def run(self) -> None:
        """Work until cancelled, then tell everybody to rejoin elsewhere."""
        await self._beat_once()
        loops = [
            asyncio.create_task(work) for work in (self._outbox.run(), self._obey(), self._beat())
        ]
        try:
            await asyncio.wait(loops, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            await self._drain()
            for loop in loops:
                loop.cancel()

    async def _obey(self) -> None:
        async for command in bus.read_list(self._redis, bus.node_in(self.id)):
            try:
                self._carry_out(command)
            except (KeyError, TypeError, Invalid) as error:
                log.error("a command could not be carried out: %s", type(error).__name__)

    def _carry_out(self, command: dict[str, Any]) -> None:
        match command["do"]:
            case "join":
                self._join(command)
            case "close":
                self._node.close_room(command["room"])
            case "message" if command["session"] in self._peers:
                peer, _listener = self._peers[command["session"]]
                peer.receive(protocol.parse_client(command["raw"]))
            case "leave" if command["session"] in self._peers:
                peer, _listener = self._peers.pop(command["session"])
                peer.leave()

    def _join(self, command: dict[str, Any]) -> None:
        session, room = command["session"], command["room"]
        listener = RemoteListener(self._outbox, command["web"], session)
        peer = self._node.join(room, bus.entrant_in(command["entrant"]), listener)
        if peer is not None:
            self._peers[session] = peer, listener

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(bus.HEARTBEAT)
            try:
                await self._beat_once()
                await self._keep_leases()
                await self._look_after_webs()
            except RedisError as error:
                log.warning("Redis is away: %s", type(error).__name__)

    async def _beat_once(self) -> None:
        sizes = [len(self._node.participants(room)) for room in self._node.rooms]
        # Who is alone in a room waits for a second.
        load = sum(max(size * (size - 1), bus.ROOM_OF_TWO) for size in sizes)
        state = json.dumps({"load": load, "rooms": len(sizes), "draining": self._draining})
        await bus.call(self._redis.sadd(bus.NODES, self.id))
        await self._redis.set(bus.node_alive(self.id), state, ex=bus.ALIVE_SECONDS)
        self.beaten = True

    async def _keep_leases(self) -> None:
        rooms = set(self._node.rooms)
        for room in self._held - rooms:
            await bus.call(self._redis.eval(bus.RELEASE, 1, bus.room_lease(room), self.id))
            await self._redis.delete(bus.room_present(room))
        self._held = rooms
        for room in rooms:
            await self._keep_lease(room)
        self._peers = {s: entry for s, entry in self._peers.items() if not entry[0].closed}

    async def _keep_lease(self, room: str) -> None:
        lease = bus.room_lease(room)
        ours = await bus.call(
            self._redis.eval(bus.RENEW, 1, lease, self.id, str(bus.ALIVE_SECONDS))
        )
        if not ours:
            # We were away for longer than the lease, and the room was placed elsewhere: two
            # halves of one room would never see each other.
            self._node.close_room(room, "rejoin")
            return
        present = json.dumps([asdict(one) for one in self._node.participants(room)])
        await self._redis.set(bus.room_present(room), present, ex=bus.ALIVE_SECONDS)

    async def _look_after_webs(self) -> None:
        for web in {listener.web for _peer, listener in self._peers.values()}:
            if not await self._redis.exists(bus.web_alive(web)):
                for peer, listener in list(self._peers.values()):
                    if listener.web == web:
                        peer.leave()

    async def _drain(self) -> None:
        self._draining = True
        rooms = self._node.rooms
        await self._node.close()
        await self._outbox.flushed()
        for room in rooms:
            await bus.call(self._redis.eval(bus.RELEASE, 1, bus.room_lease(room), self.id))
        await self._redis.delete(bus.node_alive(self.id))
        await bus.call(self._redis.srem(bus.NODES, self.id))


def run() -> None:
    """Be a media node until SIGINT or SIGTERM."""
    asyncio.run(_main())


async def _main() -> None:
    node = Node(addresses=settings.MEDIA_ADDRESSES, ports=settings.MEDIA_PORTS)
    await node.start()
    redis: Redis = Redis.from_url(f"{settings.REDIS_URL}/{bus.DATABASE}", decode_responses=True)
    work = asyncio.create_task(NodeProcess(node, redis).run())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, work.cancel)
    await asyncio.wait([work])
    await redis.aclose()
