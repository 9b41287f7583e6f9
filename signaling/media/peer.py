"""One participant of a room, from joining to leaving."""

import logging
import time
from dataclasses import dataclass, replace
from typing import Protocol

from signaling import protocol
from signaling.media import sdp
from signaling.media.downlink import Downlink
from signaling.media.track import Track
from signaling.media.uplink import Ground, SendOffer, Uplink

log = logging.getLogger(__name__)

RESTARTS_EVERY = 1.0
REPAIRS_EVERY = 3.0
QUALITY_EVERY = 2.0
LOSS_LEVELS = (0.02, 0.08, 0.25)


@dataclass(frozen=True, slots=True)
class Entrant:
    """Who asks to be let in. ``who`` is an opaque reference; both live in memory only."""

    who: str
    name: str
    role: protocol.Role
    relays: tuple[protocol.Relay, ...] = ()


class Listener(Protocol):
    """The way back to a participant; neither call may block or raise."""

    def say(self, message: protocol.ServerMessage) -> None:
        """Send a message."""

    def present(self, present: bool) -> None:
        """Their media has come up (True) or gone (False)."""


class Host(Protocol):
    """The room, as far as a participant needs it."""

    def media_up(self, peer: "Peer") -> None:
        """The peer publishes now."""

    def media_down(self, peer: "Peer") -> None:
        """The peer's tracks are gone."""

    def media_wanted(self, peer: "Peer") -> None:
        """The peer can receive; give it the others' tracks."""

    def left(self, peer: "Peer") -> None:
        """The peer is gone."""

    def tell(self, message: protocol.ServerMessage, *, but: "Peer | None" = None) -> None:
        """Send to everybody, but one."""


class Peer:
    """Speaks the protocol with one participant and owns their two transports.

    Closed by ``close`` only, which may be called twice; the reason goes out as the last message.
    """

    def __init__(
        self, room: Host, ground: Ground, entrant: Entrant, identifier: str, listener: Listener
    ) -> None:
        self.who = entrant.who
        self.shown = protocol.Participant(identifier, entrant.name, entrant.role, True, True)
        self._relays = entrant.relays
        self._room = room
        self._ground = ground
        self._listener = listener
        self.closed = self._present = False
        self._restarted_at = -REPAIRS_EVERY
        self._broken = False
        self._quality = 3
        self._quality_at = 0.0
        self._build()

    @property
    def id(self) -> str:
        """The name that the others know this participant by."""
        return self.shown.id

    @property
    def tracks(self) -> list[Track]:
        """What this participant publishes now."""
        return self.uplink.tracks

    def _build(self) -> None:
        self.uplink = Uplink(
            self._ground, offer=self._offerer("publish"), changed=self._uplink_changed
        )
        self.downlink = Downlink(
            self._ground, offer=self._offerer("subscribe"), changed=self._downlink_closed
        )

    def _offerer(self, way: protocol.Way) -> SendOffer:
        fresh = [True]

        def offer(revision: int, description: str, sources: dict[str, str]) -> None:
            self.say(protocol.Offer(way, revision, description, sources, bool(fresh)))
            fresh.clear()

        return offer

    def enter(self, others: list[protocol.Participant]) -> None:
        """Greet and begin to negotiate."""
        self.say(protocol.Joined(self.shown, tuple(others), self._relays))
        self._start()

    def _start(self) -> None:
        self._ground.mux.keep(self.uplink.start())
        self._ground.mux.keep(self.downlink.start())
        self._room.media_wanted(self)

    def say(self, message: protocol.ServerMessage) -> None:
        """Send a message, unless closed."""
        if not self.closed:
            self._listener.say(message)

    def receive(self, message: protocol.ClientMessage) -> None:
        """One message from the participant; what cannot be used is answered with an error."""
        if self.closed:
            return
        try:
            self._handle(message)
        except ValueError as error:
            self.say(protocol.Error(message.type, str(error)))

    def _handle(self, message: protocol.ClientMessage) -> None:
        match message:
            case protocol.Answer(way="publish"):
                self.uplink.answered(message.revision, message.sdp)
            case protocol.Answer():
                self.downlink.answered(message.revision, message.sdp)
            case protocol.Candidate():
                self._candidate(message)
            case protocol.Mute(audio=audio, video=video):
                self.shown = replace(self.shown, audio=audio, video=video)
                self._room.tell(protocol.ParticipantChanged(self.shown))
            case protocol.Say(text=text):
                self._room.tell(protocol.Said(self.id, text))
            case protocol.Ping(number=number):
                self.say(protocol.Pong(number))
            case protocol.Restart():
                self._restart()
            case protocol.Leave():
                self.close("left")
            case protocol.Join():
                raise ValueError("you are in already")

    def _candidate(self, message: protocol.Candidate) -> None:
        candidate = sdp.read_candidate(message.candidate)
        link = self.uplink if message.way == "publish" else self.downlink
        if candidate is not None:
            self._ground.mux.keep(link.transport.add_candidate(candidate))

    def _restart(self) -> None:
        if time.monotonic() - self._restarted_at < RESTARTS_EVERY:
            raise ValueError("restarted a moment ago")
        self._rebuild()

    def _rebuild(self) -> None:
        """Begin again with new transports; both sides forget the old ones."""
        self._restarted_at = time.monotonic()
        self._broken = False
        old = self.uplink, self.downlink
        self._set_present(False)
        self._room.media_down(self)
        self._build()
        for link in old:
            link.close()
        self._start()

    def _uplink_changed(self, uplink: Uplink) -> None:
        if uplink is not self.uplink or self.closed:
            return
        up = uplink.transport.state == "connected"
        if up:
            self._room.media_up(self)
        else:
            self._room.media_down(self)
            uplink.close()
            self._broken = True
        self._set_present(up)

    def _downlink_closed(self, downlink: Downlink) -> None:
        if downlink is self.downlink and not self.closed:
            downlink.close()
            self._broken = True

    def _set_present(self, present: bool) -> None:
        if present != self._present:
            self._present = present
            self._listener.present(present)

    def tick(self, now: float) -> None:
        """Called ten times a second."""
        # The room may know sooner than the browser that a transport is dead (browsers take
        # eight seconds to give up), so it offers anew unasked.
        if self._broken and now - self._restarted_at >= REPAIRS_EVERY:
            self._rebuild()
        self.downlink.tick(now)
        self.uplink.tick(now)
        if now - self._quality_at >= QUALITY_EVERY:
            self._quality_at = now
            self._judge()

    def _judge(self) -> None:
        """Tell everybody when the line became better or worse."""
        loss = max(self.uplink.loss, self.downlink.loss)
        level = sum(loss <= limit for limit in LOSS_LEVELS)
        if level != self._quality:
            self._quality = level
            self._room.tell(protocol.Quality(self.id, level))

    def leave(self) -> None:
        """The way to the participant is gone; may be called twice."""
        self.close("left")

    def close(self, reason: protocol.Reason) -> None:
        """Say why, stop all media, tell the room."""
        if self.closed:
            return
        self.say(protocol.Closed(reason))
        self._set_present(False)
        self.closed = True
        self.uplink.close()
        self.downlink.close()
        self._room.left(self)
