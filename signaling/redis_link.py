"""The way to media nodes of their own, through Redis: the web process's end."""

import asyncio
import json
import logging
import secrets
from typing import Any, cast

import redis as blocking
from redis.asyncio import Redis
from redis.exceptions import RedisError

from signaling import bus, protocol
from signaling.media.node import Present
from signaling.media.peer import Entrant, Listener

log = logging.getLogger(__name__)


class RemoteSeat:
    """A place on a node elsewhere."""

    def __init__(self, link: "RedisLink", node: str, listener: Listener) -> None:
        self.session = secrets.token_hex(8)
        self.node = node
        self.listener = listener
        self._link = link

    def receive(self, message: protocol.ClientMessage) -> None:
        """Hand a message over."""
        self.command({"do": "message", "raw": protocol.dump(message)})

    def command(self, what: dict[str, Any]) -> None:
        """Send the node a command about this place."""
        self._link.command(self.node, {**what, "session": self.session})

    def leave(self) -> None:
        """The socket is gone; may be called twice."""
        if self._link.forget(self):
            self.command({"do": "leave"})


class RedisLink:
    """Places rooms on the least busy node and relays messages.

    A room stays where it is while its node's heart beats. When it stops, everybody is told to
    rejoin, and the next who comes places the room anew.
    """

    def __init__(self, url: str) -> None:
        self._url = f"{url}/{bus.DATABASE}"
        self._web = secrets.token_hex(8)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._redis: Redis | None = None
        self._outbox: bus.Outbox | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._seats: dict[str, RemoteSeat] = {}
        self._blocking = blocking.Redis.from_url(self._url, decode_responses=True)

    async def join(self, room: str, entrant: Entrant, listener: Listener) -> RemoteSeat | None:
        """Take a place on the room's node."""
        redis = await self._started()
        try:
            node = await self._place(redis, room)
        except RedisError:
            node = None
        if node is None:
            listener.say(protocol.Closed("rejoin"))
            return None
        seat = RemoteSeat(self, node, listener)
        self._seats[seat.session] = seat
        who = bus.entrant_out(entrant)
        seat.command({"do": "join", "web": self._web, "room": room, "entrant": who})
        return seat

    async def _started(self) -> Redis:
        loop = asyncio.get_running_loop()
        if self._redis is None or self._loop is not loop:
            self._loop, self._seats = loop, {}
            self._redis = Redis.from_url(self._url, decode_responses=True)
            self._outbox = bus.Outbox(self._redis)
            self._tasks = [
                loop.create_task(work)
                for work in (self._outbox.run(), self._read(self._redis), self._beat(self._redis))
            ]
            await self._redis.set(bus.web_alive(self._web), "1", ex=bus.ALIVE_SECONDS)
        return self._redis

    async def _place(self, redis: Redis, room: str) -> str | None:
        """The node that carries the room, chosen now if need be; None when no node lives."""
        lease = bus.room_lease(room)
        for _attempt in range(3):
            holder = await redis.get(lease)
            if holder and await redis.exists(bus.node_alive(str(holder))):
                return str(holder)
            if holder:
                await bus.call(redis.eval(bus.RELEASE, 1, lease, holder))
            chosen = await self._least_busy(redis)
            if chosen is None:
                return None
            if await redis.set(lease, chosen, nx=True, ex=bus.ALIVE_SECONDS):
                await redis.incr(bus.node_promised(chosen))
                await redis.expire(bus.node_promised(chosen), bus.PROMISED_SECONDS)
                return chosen
        return None

    async def _least_busy(self, redis: Redis) -> str | None:
        loads = []
        for node in map(str, await bus.call(redis.smembers(bus.NODES))):
            state = await redis.get(bus.node_alive(node))
            if state is None:
                await bus.call(redis.srem(bus.NODES, node))
            elif not json.loads(state)["draining"]:
                # Heartbeats are seconds apart: without what was promised since, every room that
                # opens between two of them would go to the same node.
                promised = int(await redis.get(bus.node_promised(node)) or 0)
                loads.append((json.loads(state)["load"] + bus.ROOM_OF_TWO * promised, node))
        return min(loads)[1] if loads else None

    def command(self, node: str, what: dict[str, Any]) -> None:
        """Send a node a command."""
        if self._outbox is not None:
            self._outbox.put(bus.node_in(node), what)

    def forget(self, seat: RemoteSeat) -> bool:
        """The seat is empty; False when it was already."""
        return self._seats.pop(seat.session, None) is not None

    async def _read(self, redis: Redis) -> None:
        async for item in bus.read_list(redis, bus.web_in(self._web)):
            seat = self._seats.get(item["session"])
            if seat is None:
                continue
            if "present" in item:
                seat.listener.present(item["present"])
                continue
            message = protocol.parse_server(item["raw"])
            if isinstance(message, protocol.Closed):
                self.forget(seat)
            seat.listener.say(message)

    async def _beat(self, redis: Redis) -> None:
        while True:
            try:
                await redis.set(bus.web_alive(self._web), "1", ex=bus.ALIVE_SECONDS)
                await self._look_after_nodes(redis)
            except RedisError as error:
                log.warning("Redis is away: %s", type(error).__name__)
            await asyncio.sleep(bus.HEARTBEAT)

    async def _look_after_nodes(self, redis: Redis) -> None:
        for node in {seat.node for seat in self._seats.values()}:
            if await redis.exists(bus.node_alive(node)):
                continue
            log.warning("a media node is gone; its participants are told to rejoin")
            for seat in [s for s in self._seats.values() if s.node == node]:
                self.forget(seat)
                seat.listener.present(False)
                seat.listener.say(protocol.Closed("rejoin"))

    def close_room(self, room: str) -> None:
        """Send everybody out."""
        node = self._blocking.get(bus.room_lease(room))
        if node is not None:
            key = bus.node_in(str(node))
            self._blocking.rpush(key, json.dumps({"do": "close", "room": room}))
            self._blocking.expire(key, bus.LIST_SECONDS)

    def participants(self, room: str) -> list[Present]:
        """Who is in, as of the node's last heartbeat."""
        found = self._blocking.get(bus.room_present(room))
        return [Present(**entry) for entry in json.loads(str(found))] if found else []

    def ready(self) -> bool:
        """True when a node's heart beats."""
        nodes = cast(set[str], self._blocking.smembers(bus.NODES))
        return any(self._blocking.exists(bus.node_alive(n)) for n in nodes)

    async def close(self) -> None:
        """Stop reading; may be called twice."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        redis, self._redis = self._redis, None
        if redis is not None:
            await redis.delete(bus.web_alive(self._web))
            await redis.aclose()
