"""What web processes and media nodes say to each other through Redis.

Lists, not streams: whatever was read is gone, so names live as long as in memory. Every list is
bounded and expires by itself when nobody reads it.

    nodes                   set of node ids
    node:<id>:alive         the node's load as JSON, expires with its heartbeat
    node:<id>:in            commands to the node
    node:<id>:promised      rooms given to it that its heartbeat may not show yet
    web:<id>:alive          expires with the web process's heartbeat
    web:<id>:in             what participants of that process are told
    room:<room>             id of the node that carries the room, a lease
    room:<room>:present     who is in, as JSON
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable
from dataclasses import asdict
from typing import Any, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from signaling.media.peer import Entrant
from signaling.protocol import Relay

log = logging.getLogger(__name__)

PREFIX = "tongzhen:media:"
DATABASE = 3
HEARTBEAT = 2.0
ALIVE_SECONDS = 6
PROMISED_SECONDS = 4  # two heartbeats
ROOM_OF_TWO = 2  # streams that a room forwards once both are there: n (n - 1)
LIST_SECONDS = 30
MAX_WAITING = 10_000
RETRY_AFTER = 0.5

NODES = PREFIX + "nodes"

# Deletes a lease or renews it only while it is still ours.
RELEASE = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end"
RENEW = """
local holder = redis.call('get', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('set', KEYS[1], ARGV[1], 'EX', ARGV[2])
return 1
"""


def node_alive(node: str) -> str:
    """Key of a node's heartbeat."""
    return f"{PREFIX}node:{node}:alive"


def node_promised(node: str) -> str:
    """Key of the number of rooms that were given to a node a moment ago."""
    return f"{PREFIX}node:{node}:promised"


def node_in(node: str) -> str:
    """Key of a node's commands."""
    return f"{PREFIX}node:{node}:in"


def web_alive(web: str) -> str:
    """Key of a web process's heartbeat."""
    return f"{PREFIX}web:{web}:alive"


def web_in(web: str) -> str:
    """Key of what a web process is told."""
    return f"{PREFIX}web:{web}:in"


def room_lease(room: str) -> str:
    """Key of the lease of a room."""
    return f"{PREFIX}room:{room}"


def room_present(room: str) -> str:
    """Key of who is in a room."""
    return f"{PREFIX}room:{room}:present"


def entrant_out(entrant: Entrant) -> dict[str, Any]:
    """An entrant as JSON's types."""
    return asdict(entrant)


def entrant_in(found: dict[str, Any]) -> Entrant:
    """The entrant again."""
    relays = tuple(Relay(tuple(r["urls"]), r["username"], r["credential"]) for r in found["relays"])
    return Entrant(found["who"], found["name"], found["role"], relays)


async def call(result: Any) -> Any:
    """Await what redis-py types as "perhaps awaitable"."""
    return await cast(Awaitable[Any], result)


class Outbox:
    """Appends to lists of others in the order given, in the background.

    Bounded: what does not fit is dropped and counted in ``dropped``.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._queue: asyncio.Queue[tuple[str, str]] = asyncio.Queue(MAX_WAITING)
        self.dropped = 0

    def put(self, key: str, item: dict[str, Any]) -> None:
        """Send ``item`` to the list ``key``, soon."""
        try:
            self._queue.put_nowait((key, json.dumps(item)))
        except asyncio.QueueFull:
            self.dropped += 1

    async def flushed(self) -> None:
        """Wait until everything given so far was sent."""
        await self._queue.join()

    async def run(self) -> None:
        """Send until cancelled; waits while Redis is away."""
        while True:
            key, item = await self._queue.get()
            try:
                pipeline = self._redis.pipeline(transaction=False)
                pipeline.rpush(key, item)
                pipeline.ltrim(key, -MAX_WAITING, -1)
                pipeline.expire(key, LIST_SECONDS)
                await pipeline.execute()
            except RedisError as error:
                self.dropped += 1
                log.warning("Redis did not take a message: %s", type(error).__name__)
            finally:
                self._queue.task_done()


async def read_list(redis: Redis, key: str) -> AsyncIterator[dict[str, Any]]:
    """Items of the list ``key`` as they come; waits while Redis is away."""
    while True:
        try:
            found = await call(redis.blpop([key], timeout=1))
        except RedisError as error:
            log.warning("Redis is away: %s", type(error).__name__)
            await asyncio.sleep(RETRY_AFTER)
            continue
        if found is not None:
            yield json.loads(found[1])
