"""A media node: sockets, certificate and rooms of one process."""

import asyncio
import logging
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass

from aiortc import RTCCertificate

from signaling import protocol
from signaling.media.forward import FanOut
from signaling.media.peer import Entrant, Listener, Peer
from signaling.media.room import Room
from signaling.media.stats import Counters
from signaling.media.transport import UdpMux
from signaling.media.uplink import Ground

log = logging.getLogger(__name__)

TICK = 0.1


@dataclass(frozen=True, slots=True)
class Present:
    """One participant as services may ask for them."""

    id: str
    who: str
    name: str
    role: protocol.Role


class Node:
    """Carries the media of any number of rooms in the running event loop.

    ``addresses`` are announced to browsers, ``ports`` is an inclusive range for the one UDP
    socket per address (None: any port). Everything but ``start`` and ``close`` is immediate and
    belongs to the loop's thread.
    """

    def __init__(
        self, *, addresses: Sequence[str] = ("127.0.0.1",), ports: tuple[int, int] | None = None
    ) -> None:
        self.stats = Counters()
        self._addresses, self._ports = addresses, ports
        self._mux = UdpMux(self.stats)
        self._ground = Ground(self._mux, RTCCertificate.generateCertificate(), FanOut(self.stats))
        self._salt = secrets.token_bytes(32)
        self._rooms: dict[str, Room] = {}
        self._ticking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open the sockets; raises OSError when no port is free."""
        self._mux.open(self._addresses, self._ports)
        self._ticking = asyncio.create_task(self._tick())

    @property
    def listening(self) -> list[tuple[str, int]]:
        """The addresses announced, with their ports."""
        return [door.announced for door in self._mux.doors]

    @property
    def rooms(self) -> list[str]:
        """Names of the rooms with somebody in them."""
        return list(self._rooms)

    def join(self, room: str, entrant: Entrant, listener: Listener) -> Peer | None:
        """Let somebody into a room; None when it is full (they have been told)."""
        found = self._rooms.get(room)
        if found is None:
            found = Room(room, self._ground, self._salt, emptied=self._forget)
            self._rooms[room] = found
        return found.join(entrant, listener)

    def _forget(self, room: Room) -> None:
        if self._rooms.get(room.name) is room:
            del self._rooms[room.name]

    def close_room(self, room: str, reason: protocol.Reason = "closed") -> None:
        """Send everybody out of a room."""
        if room in self._rooms:
            self._rooms[room].close(reason)

    def participants(self, room: str) -> list[Present]:
        """Who is in a room now."""
        found = self._rooms.get(room)
        peers = found.peers if found else []
        return [Present(p.id, p.who, p.shown.name, p.shown.role) for p in peers]

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            now = time.monotonic()
            for room in list(self._rooms.values()):
                try:
                    room.tick(now)
                except Exception:
                    log.exception("a room's tick failed")

    async def close(self) -> None:
        """Send everybody away and close the sockets; may be called twice."""
        for room in list(self._rooms.values()):
            room.close("rejoin")
        if self._ticking is not None:
            self._ticking.cancel()
            self._ticking = None
        await self._mux.close()
