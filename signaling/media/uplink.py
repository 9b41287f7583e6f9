"""What one participant publishes: the transport it comes by, and its tracks."""

import itertools
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from aiortc import RTCCertificate
from aiortc.rtcdtlstransport import RTCDtlsFingerprint

from signaling.media import rtcp, sdp
from signaling.media.forward import FanOut, new_ssrc
from signaling.media.track import Track
from signaling.media.transport import MediaTransport, State, UdpMux

LOWEST_BITRATE = 150_000
HIGHEST_BITRATE = 2_500_000
USUAL_BITRATE = 1_500_000
REPORT_EVERY = 1.0

SendOffer = Callable[[int, str, dict[str, str]], None]
"""Called with the revision, the description, and whose each active mid is."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What every transport of a node stands on.

    Revisions count up over the whole node, so an answer to an offer of a transport that was
    meanwhile built anew is recognised.
    """

    mux: UdpMux
    certificate: RTCCertificate
    fan_out: FanOut
    revisions: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def next_revision(self) -> int:
        """A number that no other offer of the node has."""
        return next(self.revisions)

    @property
    def fingerprint(self) -> RTCDtlsFingerprint:
        """The certificate's SHA-256."""
        return next(f for f in self.certificate.getFingerprints() if f.algorithm == "sha-256")


class Uplink:
    """One audio and one video stream from a participant.

    Offers once; ``changed`` is called when tracks have come up or the transport has closed.
    """

    SECTIONS = (sdp.Section("0", "audio", "recvonly"), sdp.Section("1", "video", "recvonly"))

    def __init__(
        self, ground: Ground, *, offer: SendOffer, changed: Callable[["Uplink"], None]
    ) -> None:
        self._ground = ground
        self._offer = offer
        self._changed = changed
        self._own_ssrc = new_ssrc()
        self._revision = ground.next_revision()
        self._by_ssrc: dict[int, Track] = {}
        self._by_retransmission: dict[int, Track] = {}
        self._report_at = 0.0
        self._clock_offset: int | None = None
        self.transport = MediaTransport(
            ground.mux,
            ground.certificate,
            on_rtp=self._rtp_arrived,
            on_rtcp=self._rtcp_arrived,
            on_state=self._state_changed,
        )

    @property
    def tracks(self) -> list[Track]:
        """What can be forwarded now; nothing before the transport is connected."""
        return list(self._by_ssrc.values()) if self.transport.state == "connected" else []

    async def start(self) -> None:
        """Offer."""
        await self.transport.gather()
        description = sdp.write_offer(
            session=secrets.randbits(40),
            revision=self._revision,
            sections=self.SECTIONS,
            ice=self.transport.local,
            fingerprint=self._ground.fingerprint,
            candidates=self.transport.candidates,
        )
        self._offer(self._revision, description, {})

    def answered(self, revision: int, text: str) -> None:
        """Connect to the answer; raises ValueError when it cannot be used."""
        if revision != self._revision or self.transport.state != "new":
            return
        answer = sdp.read_answer(text)
        for stream in answer.streams:
            self._add(stream)
        self.transport.begin(answer)

    def _add(self, stream: sdp.Stream) -> None:
        if any(track.kind == stream.kind for track in self._by_ssrc.values()):
            return
        track = Track(
            stream,
            own_ssrc=self._own_ssrc,
            fan_out=self._ground.fan_out,
            feedback=self.transport.send_rtcp,
        )
        self._by_ssrc[stream.ssrc] = track
        if stream.retransmission_ssrc:
            self._by_retransmission[stream.retransmission_ssrc] = track

    def _rtp_arrived(self, packet: bytearray) -> None:
        stats = self._ground.mux.stats
        stats.packets_in += 1
        ssrc = int.from_bytes(packet[8:12], "big")
        try:
            track = self._by_ssrc.get(ssrc)
            if track is not None:
                track.receive(packet)
            elif ssrc in self._by_retransmission:
                self._by_retransmission[ssrc].retransmission(packet)
            else:
                stats.foreign += 1
        except ValueError:
            stats.malformed += 1

    def _rtcp_arrived(self, data: bytes) -> None:
        for report in rtcp.parse(data):
            if isinstance(report, rtcp.SenderReport) and report.ssrc in self._by_ssrc:
                if self._clock_offset is None:
                    self._clock_offset = rtcp.ntp_now() - report.ntp
                self._by_ssrc[report.ssrc].sender_reported(report, self._clock_offset)

    def tick(self, now: float) -> None:
        """Called ten times a second: ask again, report, say what rate reaches the others."""
        if self.transport.state != "connected":
            return
        self.transport.follow_route()
        for track in self._by_ssrc.values():
            track.tick(now)
        if now - self._report_at >= REPORT_EVERY:
            self._report_at = now
            self._report()

    def _report(self) -> None:
        blocks = [block for track in self._by_ssrc.values() if (block := track.report_block())]
        data = rtcp.receiver_report(self._own_ssrc, blocks)
        for track in self._by_ssrc.values():
            if track.kind == "video":
                rate = self._affordable(track)
                data += rtcp.bitrate_estimate(self._own_ssrc, rate, [track.ssrc])
        self.transport.send_rtcp(data)

    def _affordable(self, track: Track) -> int:
        """The rate that the weakest receiver can take."""
        shares = [f.estimate_share for f in track.forwards if f.estimate_share is not None]
        return max(LOWEST_BITRATE, min([*shares, HIGHEST_BITRATE] if shares else [USUAL_BITRATE]))

    @property
    def loss(self) -> float:
        """The worst share of packets lost on the way in, as of the last report."""
        return max((t.reception.fraction_lost for t in self._by_ssrc.values()), default=0.0)

    def _state_changed(self, state: State) -> None:
        if state in ("connected", "closed"):
            self._changed(self)

    def close(self) -> None:
        """Stop receiving; forwards are detached. May be called twice."""
        self.transport.close()
        for track in self._by_ssrc.values():
            for forward in track.forwards:
                forward.detach()
