"""The cast of the media tests: small pictures, a tone, a wire into a node, a lossy line."""

import asyncio
import fractions
import json
import math
import random
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import av
from aiortc import MediaStreamTrack

from signaling import protocol
from signaling.client import Client
from signaling.media.node import Node
from signaling.media.peer import Entrant, Peer


class Picture(MediaStreamTrack):
    """A grey that wanders: every frame differs, and its mean tells whose it is."""

    kind = "video"

    def __init__(
        self, *, width: int = 160, height: int = 120, rate: int = 15, grey: int = 100
    ) -> None:
        super().__init__()
        self._size, self._rate, self._grey = (width, height), rate, grey
        self._begun: float | None = None
        self._count = 0

    async def recv(self) -> av.VideoFrame:
        if self._begun is None:
            self._begun = time.monotonic()
        self._count += 1
        await asyncio.sleep(max(0.0, self._begun + self._count / self._rate - time.monotonic()))
        frame = av.VideoFrame(*self._size, "yuv420p")
        for plane, value in zip(
            frame.planes, (self._grey + self._count % 8, 128, 128), strict=True
        ):
            plane.update(bytes([value]) * plane.buffer_size)
        frame.pts, frame.time_base = self._count * 90000 // self._rate, fractions.Fraction(1, 90000)
        return frame


class Tone(MediaStreamTrack):
    """A 440 Hz tone in blocks of 20 ms."""

    kind = "audio"
    _samples = b"".join(
        int(8000 * math.sin(2 * math.pi * 440 * n / 48000)).to_bytes(2, "little", signed=True)
        for n in range(960)
    )

    def __init__(self) -> None:
        super().__init__()
        self._begun: float | None = None
        self._count = 0

    async def recv(self) -> av.AudioFrame:
        if self._begun is None:
            self._begun = time.monotonic()
        self._count += 1
        await asyncio.sleep(max(0.0, self._begun + self._count / 50 - time.monotonic()))
        frame = av.AudioFrame(format="s16", layout="mono", samples=960)
        frame.planes[0].update(self._samples)
        frame.sample_rate, frame.pts = 48000, self._count * 960
        frame.time_base = fractions.Fraction(1, 48000)
        return frame


class NodeWire:
    """A wire into a node of the same process; ``cut`` ends it as a lost connection would."""

    def __init__(self, node: Node, room: str, entrant: Entrant) -> None:
        self._queue: asyncio.Queue[str | None] = asyncio.Queue(1000)
        self.presence: list[bool] = []
        self.peer: Peer | None = node.join(room, entrant, self)

    def say(self, message: protocol.ServerMessage) -> None:
        self._queue.put_nowait(protocol.dump(message))
        if isinstance(message, protocol.Closed):
            self._queue.put_nowait(None)

    def present(self, present: bool) -> None:
        self.presence.append(present)

    async def send(self, message: str) -> None:
        if self.peer is not None:
            self.peer.receive(protocol.parse_client(message))

    async def __aiter__(self) -> AsyncIterator[str]:
        while (message := await self._queue.get()) is not None:
            yield message

    async def close(self) -> None:
        if self.peer is not None:
            self.peer.close("left")


def entrant(who: str) -> Entrant:
    """Somebody by this name."""
    return Entrant(who=f"Practitioner/{who}", name=who, role="host")


class Cast:
    """Lets clients, each with picture and tone, into rooms of a node and sees them out."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._clients: list[Client] = []

    async def __call__(
        self, who: str, *, room: str = "r", wrap: Callable[[NodeWire], Any] = lambda wire: wire
    ) -> Client:
        client = Client(tracks=[Tone(), Picture()])
        self._clients.append(client)
        client.attach(wrap(NodeWire(self._node, room, entrant(who))))
        await client.entered()
        return client

    async def leave(self) -> None:
        for client in self._clients:
            await client.close()


async def until(condition: Callable[[], object], *, within: float = 30.0) -> None:
    """Wait for the condition; fails naming nothing but the line that waited."""
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, f"not within {within} s"
        await asyncio.sleep(0.02)


def sees(client: Client, other: Client, *, pictures: int = 5, sounds: int = 20) -> bool:
    """True when the client has decoded so much of the other's media."""
    assert other.you is not None
    identifier = other.you.id
    enough = client.frames[identifier, "video"] >= pictures
    return enough and client.frames[identifier, "audio"] >= sounds


class LossyWire:
    """Puts a relay that loses packets between a client and the node: it rewrites the offers."""

    def __init__(self, wire: NodeWire, loss: float) -> None:
        self._wire, self._loss = wire, loss
        self.relays: list[Relay] = []

    async def send(self, message: str) -> None:
        await self._wire.send(message)

    async def __aiter__(self) -> AsyncIterator[str]:
        async for raw in self._wire:
            message = json.loads(raw)
            if message["type"] == "offer":
                message["sdp"] = await self._through_relay(message["sdp"], message["fresh"])
            yield json.dumps(message)

    async def _through_relay(self, description: str, fresh: bool) -> str:
        """The description with its candidate's port replaced by a relay's."""
        line = next(part for part in description.split("\r\n") if part.startswith("a=candidate"))
        words = line.split()
        target = words[4], int(words[5])
        if fresh:
            loop = asyncio.get_running_loop()
            _, relay = await loop.create_datagram_endpoint(
                lambda: Relay(target, self._loss), local_addr=("127.0.0.1", 0)
            )
            self.relays.append(relay)
        words[5] = str(self.relays[-1].port)
        return description.replace(line, " ".join(words))

    async def close(self) -> None:
        await self._wire.close()
        for relay in self.relays:
            relay.close()


class Relay(asyncio.DatagramProtocol):
    """A UDP relay that loses a share of the media packets in both directions."""

    def __init__(self, target: tuple[str, int], loss: float) -> None:
        self._target, self._loss = target, loss
        self._chance = random.Random(7)
        self._outer: asyncio.DatagramTransport | None = None
        self._client: tuple[str, int] | None = None
        self._inner: asyncio.DatagramTransport | None = None
        self._early: list[bytes] = []
        self.lost = 0

    @property
    def port(self) -> int:
        assert self._outer is not None
        return int(self._outer.get_extra_info("sockname")[1])

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._outer = cast(asyncio.DatagramTransport, transport)
        self._opening = asyncio.get_running_loop().create_task(self._open())

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        self._inner, _ = await loop.create_datagram_endpoint(
            lambda: _Back(self), remote_addr=self._target
        )
        for data in self._early:
            self._inner.sendto(data)

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        self._client = address
        if self._inner is None:
            self._early.append(data)
        elif not self._unlucky(data):
            self._inner.sendto(data)

    def back(self, data: bytes) -> None:
        if self._client is not None and self._outer is not None and not self._unlucky(data):
            self._outer.sendto(data, self._client)

    def _unlucky(self, data: bytes) -> bool:
        media = 127 < data[0] < 192 and not 192 <= data[1] < 224
        lost = media and self._chance.random() < self._loss
        self.lost += lost
        return lost

    def close(self) -> None:
        for transport in (self._inner, self._outer):
            if transport is not None:
                transport.close()


class _Back(asyncio.DatagramProtocol):
    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        self._relay.back(data)
