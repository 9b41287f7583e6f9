"""A participant without a browser: speaks the wire of a room with aiortc (tests, rehearsal)."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Protocol

import websockets
from aiortc import (
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError

from signaling import protocol
from signaling.media.compat import also_gather_on

log = logging.getLogger(__name__)

LOOPBACK = ("127.0.0.1",)


class Wire(Protocol):
    """A connection to a room; a websockets connection is one."""

    async def send(self, message: str) -> None:
        """Send one message."""

    def __aiter__(self) -> AsyncIterator[str | bytes]:
        """Messages until the connection ends."""

    async def close(self) -> None:
        """End the connection."""


class Client:
    """Joins a room, publishes ``tracks``, receives everybody else.

    ``others`` are the participants by id; ``frames`` counts decoded frames by (participant,
    kind). ``on_chat(participant, text)`` hears the chat, ``on_frame(participant, kind, frame)``
    every decoded frame. ``reason`` says why it ended, once it has.
    """

    def __init__(
        self,
        *,
        tracks: Sequence[MediaStreamTrack] = (),
        on_chat: Callable[[str, str], None] = lambda participant, text: None,
        on_frame: Callable[[str, str, Any], None] = lambda participant, kind, frame: None,
    ) -> None:
        self.you: protocol.Participant | None = None
        self.others: dict[str, protocol.Participant] = {}
        self.frames: Counter[tuple[str, str]] = Counter()
        self.quality: dict[str, int] = {}
        self.errors: list[protocol.Error] = []
        self.reason: protocol.Reason | None = None
        self.joined = asyncio.Event()
        self.closed = asyncio.Event()
        self._tracks = tracks
        self._on_chat, self._on_frame = on_chat, on_frame
        self._wire: Wire | None = None
        self._reading: asyncio.Task[None] | None = None
        self._connections: dict[protocol.Way, RTCPeerConnection] = {}
        self._sources: dict[str, str] = {}
        self._draining: dict[str, asyncio.Task[None]] = {}
        self._relays: tuple[protocol.Relay, ...] = ()

    async def connect(self, url: str, ticket: str, *, origin: str | None = None) -> None:
        """Join the room at the socket address ``url``; returns when let in.

        Raises ConnectionError when turned away, OSError when nobody answers.
        """
        headers = {"Origin": origin} if origin else None
        wire = await websockets.connect(url, additional_headers=headers)
        self.attach(wire)
        await self.send(protocol.Join(ticket))
        await self.entered()

    def attach(self, wire: Wire) -> None:
        """Begin to read from ``wire``."""
        self._wire = wire
        self._reading = asyncio.create_task(self._read(wire))

    async def entered(self) -> None:
        """Wait until let in; raises ConnectionError when turned away."""
        waits = [asyncio.create_task(event.wait()) for event in (self.joined, self.closed)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        if not self.joined.is_set():
            raise ConnectionError(f"not let in: {self.reason}")

    async def send(self, message: protocol.ClientMessage) -> None:
        """Send one message."""
        if self._wire is not None:
            await self._wire.send(protocol.dump(message))

    async def _read(self, wire: Wire) -> None:
        try:
            async for raw in wire:
                await self._handle(protocol.parse_server(raw))
        except websockets.ConnectionClosed:
            log.debug("the socket closed")
        finally:
            self.closed.set()

    async def _handle(self, message: protocol.ServerMessage) -> None:
        match message:
            case protocol.Joined():
                self.you, self._relays = message.you, message.relays
                self.others = {other.id: other for other in message.others}
                self.joined.set()
            case protocol.Offer():
                await self._answer(message)
            case protocol.ParticipantJoined() | protocol.ParticipantChanged():
                self.others[message.participant.id] = message.participant
            case protocol.ParticipantLeft():
                self.others.pop(message.id, None)
            case protocol.Said():
                self._on_chat(message.id, message.text)
            case protocol.Quality():
                self.quality[message.id] = message.level
            case protocol.Error():
                self.errors.append(message)
            case protocol.Closed():
                self.reason = message.reason

    async def _answer(self, offer: protocol.Offer) -> None:
        connection = await self._connection(offer)
        await connection.setRemoteDescription(RTCSessionDescription(offer.sdp, "offer"))
        for transceiver in connection.getTransceivers():
            also_gather_on(transceiver.receiver.transport.transport.iceGatherer, LOOPBACK)
        await connection.setLocalDescription(await connection.createAnswer())
        description = connection.localDescription.sdp
        await self.send(protocol.Answer(offer.way, offer.revision, description))
        if offer.way == "subscribe":
            self._sources = offer.sources
            self._drain(connection)

    async def _connection(self, offer: protocol.Offer) -> RTCPeerConnection:
        if not offer.fresh:
            return self._connections[offer.way]
        before = self._connections.pop(offer.way, None)
        if before is not None:
            await before.close()
        servers = [RTCIceServer(list(r.urls), r.username, r.credential) for r in self._relays]
        # With any other policy aiortc 1.16 leaves the second video m-line on a closed transport.
        connection = RTCPeerConnection(
            RTCConfiguration(iceServers=servers, bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        )
        self._connections[offer.way] = connection
        if offer.way == "publish":
            # In the offer's order: aiortc never starts a bundle whose first line is not its first.
            for track in sorted(self._tracks, key=lambda track: track.kind):
                connection.addTrack(track)
        else:
            self._stop_draining()
        return connection

    def _drain(self, connection: RTCPeerConnection) -> None:
        for transceiver in connection.getTransceivers():
            mid = transceiver.mid
            if mid is not None and mid not in self._draining:
                work = self._receive(mid, transceiver.receiver.track)
                self._draining[mid] = asyncio.create_task(work)

    async def _receive(self, mid: str, track: MediaStreamTrack) -> None:
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            # An m-line is used again for somebody else after its owner has left.
            owner = self._sources.get(mid)
            if owner is not None:
                self.frames[owner, track.kind] += 1
                self._on_frame(owner, track.kind, frame)

    def _stop_draining(self) -> None:
        for task in self._draining.values():
            task.cancel()
        self._draining.clear()

    async def say(self, text: str) -> None:
        """A line of chat."""
        await self.send(protocol.Say(text))

    async def restart(self) -> None:
        """Have both transports built anew."""
        await self.send(protocol.Restart())

    async def close(self) -> None:
        """Leave; may be called twice."""
        self._stop_draining()
        if self._wire is not None:
            await self._wire.close()
        for connection in self._connections.values():
            await connection.close()
        self._connections.clear()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
            self._reading = None
