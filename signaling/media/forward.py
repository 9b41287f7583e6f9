"""Sends one participant's packets on to another."""

import random
import secrets
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from signaling.media import rtcp, rtp
from signaling.media.compat import Address, Buffer, Keys, srtp_protect
from signaling.media.sdp import CLOCK_RATE, RETRANSMISSION_TYPE, SEND_TIME_EXTENSION, Kind
from signaling.media.stats import Counters

if TYPE_CHECKING:
    from signaling.media.track import Track

# A sequence number that starts low cannot wrap before its receiver has seen the first packets:
# after a wrap unseen by the receiver, SRTP's rollover counters would differ for ever
# (RFC 3711 §3.3.1).
LATEST_START = 1 << 14
PACKET_ROOM = 4096
MAX_REPEATS = 128


def new_ssrc() -> int:
    """A stream number for RTP; never 0."""
    return secrets.randbelow((1 << 32) - 1) + 1


class Forward:
    """One stream towards one participant: its numbers, and how they follow from the source's.

    Outlives its source: when somebody leaves, the stream waits, and goes on with the next source
    as if nothing had happened. ``attach`` and ``detach`` are its only changes of state.
    """

    __slots__ = (
        "_detached_at",
        "_next_sequence",
        "_next_timestamp",
        "_retransmission_sequence",
        "address",
        "encrypt",
        "estimate_share",
        "fan_out",
        "first",
        "fraction_lost",
        "keys",
        "kind",
        "octets",
        "packets",
        "retransmission_ssrc",
        "send",
        "send_rtcp",
        "sequence_offset",
        "ssrc",
        "timestamp_offset",
        "track",
    )

    def __init__(
        self, kind: Kind, fan_out: "FanOut", *, send_rtcp: Callable[[bytes], None]
    ) -> None:
        self.kind = kind
        self.fan_out = fan_out
        self.send_rtcp = send_rtcp
        self.ssrc = new_ssrc()
        self.retransmission_ssrc = new_ssrc() if kind == "video" else 0
        self.track: Track | None = None
        self.keys: Keys | None = None
        self.encrypt: Any = None
        self.send: Callable[[Any, Address], int] | None = None
        self.address: Address | None = None
        self.first = 0
        self.sequence_offset = self.timestamp_offset = 0
        self.packets = self.octets = 0
        self.fraction_lost = 0.0
        self.estimate_share: int | None = None
        self._next_sequence = random.randrange(LATEST_START)  # noqa: S311 - nothing secret
        self._next_timestamp = secrets.randbits(32)
        self._detached_at = 0.0
        self._retransmission_sequence = random.randrange(LATEST_START)  # noqa: S311

    def direct(self, keys: Keys, send: Callable[[Any, Address], int], address: Address) -> None:
        """Where and under which keys packets leave; again whenever the route changes."""
        self.keys, self.encrypt = keys, keys.outgoing
        self.send, self.address = send, address

    def attach(self, track: "Track") -> None:
        """Carry ``track`` from its next packet on. Needs ``direct`` first."""
        self.detach()
        self.track = track
        if track.started:
            self.align(track)
        track.add_forward(self)

    def align(self, track: "Track") -> None:
        """Continue our numbers where the source's next packet begins."""
        self.first = track.highest + 1
        self.sequence_offset = self._next_sequence - self.first
        gap = time.monotonic() - self._detached_at if self._detached_at else 0.0
        resumed = self._next_timestamp + int(gap * CLOCK_RATE[self.kind])
        self.timestamp_offset = resumed - track.timestamp

    def detach(self) -> None:
        """Stop carrying; nothing when idle."""
        track, self.track = self.track, None
        if track is None:
            return
        track.remove_forward(self)
        if track.started:
            self._next_sequence = track.highest + 1 + self.sequence_offset
            self._next_timestamp = track.timestamp + self.timestamp_offset
            self._detached_at = time.monotonic()

    def repeat(self, lost: Sequence[int]) -> None:
        """Send the packets again that the receiver misses, by our sequence numbers."""
        track = self.track
        if track is None or not self.retransmission_ssrc:
            return
        stats = self.fan_out.stats
        stats.nacks_down += 1
        for number in lost[:MAX_REPEATS]:
            packet = track.find((number - self.sequence_offset) & 0xFFFF)
            if packet is None:
                stats.retransmit_missed += 1
                continue
            self._retransmission_sequence += 1
            stats.retransmitted += 1
            self._repeat_one(packet, number)

    def _repeat_one(self, packet: bytearray, number: int) -> None:
        timestamp = int.from_bytes(packet[4:8], "big") + self.timestamp_offset
        wrapped = rtp.wrap_retransmission(
            packet,
            original=number,
            payload_type=RETRANSMISSION_TYPE,
            sequence=self._retransmission_sequence & 0xFFFF,
            timestamp=timestamp & 0xFFFFFFFF,
            ssrc=self.retransmission_ssrc,
        )
        rtp.stamp_send_time(wrapped, SEND_TIME_EXTENSION, time.monotonic())
        self.fan_out.send_as_is(wrapped, self)

    def report(self, source: rtcp.SenderReport, ntp: int) -> None:
        """Pass the source's report on, in our numbers, as made at ``ntp``."""
        report = rtcp.SenderReport(
            ssrc=self.ssrc,
            ntp=ntp & (1 << 64) - 1,
            timestamp=source.timestamp + self.timestamp_offset & 0xFFFFFFFF,
            packets=self.packets,
            octets=self.octets - rtp.FIXED_HEADER * self.packets,
        )
        self.send_rtcp(rtcp.sender_report(report))


class FanOut:
    """The hot path: one packet in, one encrypted copy out per forward.

    Works on one buffer of its own, so nothing is allocated per copy.
    """

    def __init__(self, stats: Counters) -> None:
        self.stats = stats
        self._buffer = Buffer(PACKET_ROOM)

    def __call__(
        self, packet: bytearray, sequence: int, timestamp: int, forwards: Sequence[Forward]
    ) -> None:
        """Send ``packet`` to every one of ``forwards``, each with its own numbers."""
        buffer = self._buffer
        view, data, length = buffer.view, buffer.data, buffer.length
        pack, protect = rtp.sequence_timestamp_ssrc.pack_into, srtp_protect
        size = len(packet)
        sent = 0
        for forward in forwards:
            view[:size] = packet
            pack(
                view,
                2,
                sequence + forward.sequence_offset & 0xFFFF,
                timestamp + forward.timestamp_offset & 0xFFFFFFFF,
                forward.ssrc,
            )
            length[0] = size
            if protect(forward.encrypt, data, length):
                self.stats.protect_failed += 1
                continue
            try:
                forward.send(view[: length[0]], forward.address)  # type: ignore[misc, arg-type]
            except BlockingIOError:
                self.stats.out_of_buffer += 1
            except OSError:
                self.stats.send_failed += 1
            else:
                sent += 1
            forward.packets += 1
            forward.octets += size
        self.stats.packets_out += sent

    def send_as_is(self, packet: bytearray, forward: Forward) -> None:
        """Send one packet whose header is final."""
        size = len(packet)
        self._buffer.view[:size] = packet
        self._buffer.length[0] = size
        if srtp_protect(forward.encrypt, self._buffer.data, self._buffer.length):
            self.stats.protect_failed += 1
            return
        try:
            forward.send(  # type: ignore[misc]
                self._buffer.view[: self._buffer.length[0]],
                forward.address,  # type: ignore[arg-type]
            )
        except OSError:
            self.stats.send_failed += 1
