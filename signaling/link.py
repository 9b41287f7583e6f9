"""The way from a socket to the media node that carries its room.

Two ways behind one interface: within this process (``EmbeddedLink``, the default) and through
Redis to nodes of their own (``signaling.redis_link``). ``current`` picks by REDIS_URL.
"""

import asyncio
from typing import Protocol

from django.conf import settings

from signaling import protocol
from signaling.media.node import Node, Present
from signaling.media.peer import Entrant, Listener
from signaling.redis_link import RedisLink


class Seat(Protocol):
    """One participant's place, as their socket holds it. Both calls return at once."""

    def receive(self, message: protocol.ClientMessage) -> None:
        """Hand a message over."""

    def leave(self) -> None:
        """The socket is gone; may be called twice."""


class Link(Protocol):
    """What sockets and services ask of the media nodes.

    ``join`` belongs to the event loop, the others may be called from any thread.
    """

    async def join(self, room: str, entrant: Entrant, listener: Listener) -> Seat | None:
        """Take a place; None when there is none (the listener has been told why)."""

    def close_room(self, room: str) -> None:
        """Send everybody out."""

    def participants(self, room: str) -> list[Present]:
        """Who is in."""

    def ready(self) -> bool:
        """True when a node can take a room."""

    async def close(self) -> None:
        """Stop what this process runs for it; may be called twice."""


class EmbeddedLink:
    """A node in the event loop of this process, started with the first participant."""

    def __init__(self) -> None:
        self._node: Node | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._starting = asyncio.Lock()

    async def join(self, room: str, entrant: Entrant, listener: Listener) -> Seat | None:
        """Take a place."""
        node = await self._started()
        return node.join(room, entrant, listener)

    async def _started(self) -> Node:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._node, self._loop, self._starting = None, loop, asyncio.Lock()
        async with self._starting:
            if self._node is None:
                node = Node(addresses=settings.MEDIA_ADDRESSES, ports=settings.MEDIA_PORTS)
                await node.start()
                self._node = node
            return self._node

    def close_room(self, room: str) -> None:
        """Send everybody out."""
        if self._node is not None and self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._node.close_room, room)

    def participants(self, room: str) -> list[Present]:
        """Who is in."""
        return self._node.participants(room) if self._node is not None else []

    def ready(self) -> bool:
        """True: the node starts when it is needed."""
        return self._node is None or bool(self._node.listening)

    async def close(self) -> None:
        """Stop the node; may be called twice."""
        node, self._node = self._node, None
        if node is not None and self._loop is asyncio.get_running_loop():
            await node.close()


_links: dict[str, Link] = {}


def current() -> Link:
    """The link of this process."""
    url = settings.REDIS_URL
    if url not in _links:
        _links[url] = RedisLink(url) if url else EmbeddedLink()
    return _links[url]
