"""What one participant receives: a transport, and one m-line per stream, used again when free."""

import secrets
import time
from collections.abc import Callable, Iterable

from signaling.media import rtcp, sdp
from signaling.media.forward import Forward
from signaling.media.track import Track
from signaling.media.transport import MediaTransport, State
from signaling.media.uplink import Ground, SendOffer

ESTIMATE_LASTS = 5.0


class Slot:
    """One m-line: its stream, and the track that is wanted on it (None: free).

    A free m-line stays open, it is only silent: browsers that saw it inactive receive, but never
    play, what comes on it later under the same stream number.
    """

    def __init__(self, mid: str, forward: Forward) -> None:
        self.mid = mid
        self.forward = forward
        self.wanted: Track | None = None
        self.owner = ""
        self.answered = False

    def section(self) -> sdp.Section:
        """How offers describe it."""
        forward = self.forward
        return sdp.Section(
            mid=self.mid,
            kind=forward.kind,
            direction="sendonly",
            ssrc=forward.ssrc,
            retransmission_ssrc=forward.retransmission_ssrc,
        )


class Downlink:
    """The others' media on its way to one participant.

    At most one offer is open at a time; changes that come meanwhile go into the next one. A
    track flows once the offer that shows it was answered and the transport is connected.
    """

    def __init__(
        self, ground: Ground, *, offer: SendOffer, changed: Callable[["Downlink"], None]
    ) -> None:
        self._ground = ground
        self._send_offer = offer
        self._changed = changed
        self._slots: list[Slot] = []
        self._by_ssrc: dict[int, Forward] = {}
        self._session = secrets.randbits(40)
        self._revision = 0
        self._open: dict[str, Track | None] | None = None
        self._dirty = self._gathered = False
        self._estimate: tuple[float, int] | None = None
        self.transport = MediaTransport(
            ground.mux,
            ground.certificate,
            on_rtp=self._rtp_arrived,
            on_rtcp=self._rtcp_arrived,
            on_state=self._state_changed,
        )

    async def start(self) -> None:
        """Be ready to offer; the first offer waits for the first track."""
        await self.transport.gather()
        self._gathered = True
        self._negotiate()

    def add(self, owner: str, tracks: Iterable[Track]) -> None:
        """Carry ``tracks`` of the participant ``owner``."""
        for track in tracks:
            slot = self._free_slot(track.kind)
            slot.wanted, slot.owner = track, owner
            self._dirty = True
        self._negotiate()

    def _free_slot(self, kind: sdp.Kind) -> Slot:
        for slot in self._slots:
            if slot.wanted is None and slot.forward.kind == kind:
                slot.answered = False
                return slot
        forward = Forward(kind, self._ground.fan_out, send_rtcp=self.transport.send_rtcp)
        slot = Slot(str(len(self._slots)), forward)
        self._slots.append(slot)
        self._by_ssrc[slot.forward.ssrc] = slot.forward
        return slot

    def remove(self, owner: str) -> None:
        """Carry nothing of ``owner`` any more."""
        for slot in self._slots:
            if slot.owner == owner and slot.wanted is not None:
                slot.forward.detach()
                slot.wanted, slot.owner = None, ""
                self._dirty = True
        self._negotiate()

    def _negotiate(self) -> None:
        if not (self._gathered and self._dirty and self._open is None):
            return
        if self.transport.state == "closed":
            return
        self._dirty = False
        self._revision = self._ground.next_revision()
        active = [slot for slot in self._slots if slot.wanted]
        self._open = {slot.mid: slot.wanted for slot in active}
        description = sdp.write_offer(
            session=self._session,
            revision=self._revision,
            sections=[slot.section() for slot in self._slots],
            ice=self.transport.local,
            fingerprint=self._ground.fingerprint,
            candidates=self.transport.candidates,
        )
        sources = {slot.mid: slot.owner for slot in active}
        self._send_offer(self._revision, description, sources)

    def answered(self, revision: int, text: str) -> None:
        """Take the answer to the open offer; raises ValueError when it cannot be used."""
        if self._open is None or revision != self._revision:
            return
        answer = sdp.read_answer(text)
        # A slot may have changed hands while its offer was open: the answer was not about the
        # new track, and its picture would show under the old name.
        for slot in self._slots:
            slot.answered = slot.wanted is not None and self._open.get(slot.mid) is slot.wanted
        self._open = None
        if self.transport.state == "new":
            self.transport.begin(answer)
        self._flow()
        self._negotiate()

    def _flow(self) -> None:
        """Start every stream that is answered and not flowing yet."""
        if self.transport.state != "connected":
            return
        self._direct()
        for slot in self._slots:
            if slot.answered and slot.wanted and slot.forward.track is not slot.wanted:
                slot.forward.attach(slot.wanted)

    def _direct(self) -> None:
        keys, route = self.transport.keys, self.transport.route
        if keys is not None and route is not None:
            for slot in self._slots:
                slot.forward.direct(keys, *route)

    def _rtp_arrived(self, packet: bytearray) -> None:
        self._ground.mux.stats.foreign += 1

    def _rtcp_arrived(self, data: bytes) -> None:
        for report in rtcp.parse(data):
            match report:
                case rtcp.Nack(media=ssrc, lost=lost) if ssrc in self._by_ssrc:
                    self._by_ssrc[ssrc].repeat(lost)
                case rtcp.KeyframeRequest(media=ssrc) if ssrc in self._by_ssrc:
                    track = self._by_ssrc[ssrc].track
                    if track is not None:
                        track.ask_keyframe()
                case rtcp.ReceiverReport(blocks=blocks):
                    self._note_loss(blocks)
                case rtcp.BitrateEstimate(bitrate=bitrate):
                    self._estimate = (time.monotonic(), bitrate)

    def _note_loss(self, blocks: Iterable[rtcp.ReceiverBlock]) -> None:
        for block in blocks:
            forward = self._by_ssrc.get(block.ssrc)
            if forward is not None:
                forward.fraction_lost = block.fraction / 256

    def tick(self, now: float) -> None:
        """Called ten times a second: follow the route, share out what the line can take."""
        if self.transport.state != "connected":
            return
        if self.transport.follow_route():
            self._direct()
        pictures = [s.forward for s in self._slots if s.forward.track and s.forward.kind == "video"]
        share = self._share(now, len(pictures))
        for forward in pictures:
            forward.estimate_share = share

    def _share(self, now: float, pictures: int) -> int | None:
        if self._estimate is None or not pictures or now - self._estimate[0] > ESTIMATE_LASTS:
            return None
        return self._estimate[1] // pictures

    @property
    def loss(self) -> float:
        """The worst share of packets lost on the way out, as the participant reports it."""
        flowing = [slot.forward for slot in self._slots if slot.forward.track]
        return max((forward.fraction_lost for forward in flowing), default=0.0)

    def _state_changed(self, state: State) -> None:
        if state == "connected":
            self._flow()
        elif state == "closed":
            self._changed(self)

    def close(self) -> None:
        """Stop sending; may be called twice."""
        self.transport.close()
        for slot in self._slots:
            slot.forward.detach()
