"""The socket between a browser and a room: checks the ticket, hands messages over, sends."""

import asyncio
import time
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer

from kernel.errors import Forbidden, HouseError, Invalid, Missing
from signaling import link, protocol, services, tickets, turn
from signaling.media.peer import Entrant
from signaling.models import Room

JOINS_WITHIN = 10.0
BURST = 60
PER_SECOND = 20
MAX_WAITING = 256

CODES: dict[protocol.Reason, int] = {
    "left": 1000,
    "replaced": 4409,
    "closed": 4410,
    "full": 4413,
    "rejoin": 4503,
    "slow": 4429,
}
REFUSALS: dict[type[HouseError], int] = {Invalid: 4400, Forbidden: 4401, Missing: 4404}


def _purpose(room: str) -> str:
    found = Room.objects.filter(public_id=room, state="open").first()
    if found is None:
        raise Missing("there is no such room, or it is closed")
    return found.purpose


class Allowance:
    """A bucket of ``burst`` messages that fills by ``rate`` a second."""

    def __init__(self, burst: int, rate: float) -> None:
        self._burst, self._rate = burst, rate
        self._left = float(burst)
        self._at = time.monotonic()

    def take(self) -> bool:
        """Take one; False when there is none."""
        now = time.monotonic()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class RoomConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    """One participant's socket.

    Sending is a task of its own with a bounded queue, so a slow browser holds nobody up; the
    room's messages and the presence that higher floors hear of keep their order.
    """

    async def connect(self) -> None:
        """Accept; the ticket has to come as the first message."""
        self.room_id: str = self.scope["url_route"]["kwargs"]["room"]
        self.seat: link.Seat | None = None
        self.ticket: tickets.Ticket | None = None
        self.purpose = ""
        self._allowance = Allowance(BURST, PER_SECOND)
        self._out: asyncio.Queue[protocol.ServerMessage] = asyncio.Queue(MAX_WAITING)
        self._presence: asyncio.Queue[bool | None] = asyncio.Queue()
        self._present = False
        self._ending: asyncio.Task[None] | None = None
        await self.accept()
        loop = asyncio.get_running_loop()
        self._sending = loop.create_task(self._send_all())
        self._telling = loop.create_task(self._tell_all())
        self._deadline = loop.call_later(JOINS_WITHIN, self._too_late)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """One message: the ticket first, then whatever is for the room."""
        if not self._allowance.take():
            await self._end("slow")
            return
        try:
            message = protocol.parse_client(text_data or bytes_data or "")
            if self.ticket is None:
                await self._join(message)
            elif self.seat is not None:
                self.seat.receive(message)
        except HouseError as error:
            await self._refuse(error)

    async def _join(self, message: protocol.ClientMessage) -> None:
        if not isinstance(message, protocol.Join):
            raise Invalid("type", "the first message is join")
        ticket = tickets.read(message.ticket, room=self.room_id)
        self.purpose = await database_sync_to_async(_purpose)(self.room_id)
        self.ticket = ticket
        self._deadline.cancel()
        entrant = Entrant(ticket.who, ticket.name, ticket.role, turn.relays())
        self.seat = await link.current().join(self.room_id, entrant, self)

    def say(self, message: protocol.ServerMessage) -> None:
        """Queue a message from the room."""
        try:
            self._out.put_nowait(message)
        except asyncio.QueueFull:
            self._sending.cancel()
            self._ending = asyncio.get_running_loop().create_task(self._end("slow"))

    def present(self, present: bool) -> None:
        """Queue that our participant's media has come up or gone."""
        if present != self._present:
            self._present = present
            self._presence.put_nowait(present)

    async def _send_all(self) -> None:
        while True:
            message = await self._out.get()
            await self.send(text_data=protocol.dump(message))
            if isinstance(message, protocol.Closed):
                await self.close(CODES.get(message.reason, 4400))
                return

    async def _tell_all(self) -> None:
        while (present := await self._presence.get()) is not None:
            if self.ticket is not None:
                await database_sync_to_async(services.tell_presence)(
                    self.purpose, self.ticket.who, present
                )

    def _too_late(self) -> None:
        self._ending = asyncio.get_running_loop().create_task(self.close(4408))

    async def _refuse(self, error: HouseError) -> None:
        path, says = error.issues[0] if isinstance(error, Invalid) else ("", error.says)
        await self.send(text_data=protocol.dump(protocol.Error(path, says)))
        await self.send(text_data=protocol.dump(protocol.Closed("refused")))
        await self.close(REFUSALS.get(type(error), 4400))

    async def _end(self, reason: protocol.Reason) -> None:
        await self.send(text_data=protocol.dump(protocol.Closed(reason)))
        await self.close(CODES[reason])

    async def disconnect(self, code: Any) -> None:
        """The socket is gone: leave the room, and let presence be told to its end."""
        self._deadline.cancel()
        if self.seat is not None:
            self.seat.leave()
        self.present(False)
        self._presence.put_nowait(None)
        self._sending.cancel()
        await self._telling
