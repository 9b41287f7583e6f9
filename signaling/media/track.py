"""One stream that a participant publishes: what arrived, what is missing, who gets it."""

import time
from collections.abc import Callable

from signaling.media import rtcp, rtp
from signaling.media.forward import FanOut, Forward
from signaling.media.sdp import CLOCK_RATE, PAYLOAD_TYPE, SEND_TIME_EXTENSION, Stream

HISTORY = 512
MAX_MISSING = 128
MAX_ASKED = 5
KEYFRAME_EVERY = 0.5
MAX_KEYFRAME_REQUESTS = 20
LARGEST_GAP = 1000


class Track:
    """Receives the packets of one stream, in any order and more than once, and passes them on.

    Sequence numbers are kept extended (they do not wrap). ``feedback`` sends RTCP to the
    publisher; ``own_ssrc`` is the name the node goes by in it.
    """

    def __init__(
        self,
        stream: Stream,
        *,
        own_ssrc: int,
        fan_out: FanOut,
        feedback: Callable[[bytes], None],
    ) -> None:
        self.kind = stream.kind
        self.ssrc = stream.ssrc
        self.retransmission_ssrc = stream.retransmission_ssrc
        self.payload_type = PAYLOAD_TYPE[stream.kind]
        self.forwards: tuple[Forward, ...] = ()
        self.started = False
        self.highest = 0
        self.timestamp = 0
        self.reception = Reception(CLOCK_RATE[stream.kind])
        self._own_ssrc = own_ssrc
        self._fan_out = fan_out
        self._stats = fan_out.stats
        self._feedback = feedback
        self._is_video = stream.kind == "video"
        self._history: list[bytearray | None] = [None] * HISTORY
        self._missing: dict[int, int] = {}
        self._believe_if = -1
        self._keyframe_due = False
        self._keyframe_asked = 0
        self._keyframe_asked_at = -KEYFRAME_EVERY

    def add_forward(self, forward: Forward) -> None:
        """Send to ``forward`` from now on; a picture starts with a key frame."""
        self.forwards = (*self.forwards, forward)
        self.ask_keyframe()

    def remove_forward(self, forward: Forward) -> None:
        """Send to it no more."""
        self.forwards = tuple(f for f in self.forwards if f is not forward)

    def receive(self, packet: bytearray) -> None:
        """One decrypted packet of this stream."""
        if packet[1] & 0x7F != self.payload_type:
            self._stats.foreign += 1
            return
        if packet[0] & rtp.PADDING:
            rtp.strip_padding(packet)
        if self._is_video:
            rtp.stamp_send_time(packet, SEND_TIME_EXTENSION, time.monotonic())
        sequence = packet[2] << 8 | packet[3]
        timestamp = int.from_bytes(packet[4:8], "big")
        if not self.started:
            self._start(sequence, timestamp)
        step = sequence - self.highest & 0xFFFF
        if step != 1:
            if not self._jumped(packet, sequence, step):
                return
            step = sequence - self.highest & 0xFFFF
        self.highest += step
        if self._keyframe_due and rtp.is_vp8_keyframe(packet):
            self._keyframe_due = False
        if timestamp != self.timestamp:
            self.reception.frame_arrived(timestamp)
            self.timestamp = timestamp
        self.reception.received += 1
        self._history[sequence % HISTORY] = packet
        self._fan_out(packet, sequence, timestamp, self.forwards)

    def _start(self, sequence: int, timestamp: int) -> None:
        # One cycle above zero: packets that were sent earlier but arrive later stay positive.
        self.highest = sequence + 0xFFFF
        self.timestamp = timestamp
        self.reception.begin(self.highest + 1)
        self.started = True
        for forward in self.forwards:
            forward.align(self)

    def _jumped(self, packet: bytearray, sequence: int, step: int) -> bool:
        """Handle a packet that is not the next one; True when it is newer than all before."""
        if 1 < step <= LARGEST_GAP:
            self._miss(range(self.highest + 1, self.highest + step))
            return True
        behind = -step & 0xFFFF
        if behind >= HISTORY:
            return self._leaped(packet, sequence)
        self._late(packet, sequence, self.highest - behind)
        return False

    def _leaped(self, packet: bytearray, sequence: int) -> bool:
        """Far from what was expected: believed when the next one follows on (RFC 3550 A.1)."""
        believed = sequence == self._believe_if
        self._believe_if = sequence + 1 & 0xFFFF
        if not believed:
            self._stats.too_late += 1
            return False
        forwards = self.forwards
        for forward in forwards:
            forward.detach()
        self._missing.clear()
        self._start(sequence, int.from_bytes(packet[4:8], "big"))
        for forward in forwards:
            forward.attach(self)
        return True

    def _late(self, packet: bytearray, sequence: int, extended: int) -> None:
        if self.find(sequence) is not None:
            self._stats.duplicates += 1
            return
        if self._missing.pop(extended, None) is not None:
            self._stats.recovered += 1
        self.reception.received += 1
        self._history[sequence % HISTORY] = packet
        waiting = [forward for forward in self.forwards if forward.first <= extended]
        self._fan_out(packet, sequence, int.from_bytes(packet[4:8], "big"), waiting)

    def _miss(self, lost: range) -> None:
        if not self.retransmission_ssrc:
            return
        for number in lost:
            self._missing[number] = 1
        if len(self._missing) > MAX_MISSING:
            self._missing.clear()
            self.ask_keyframe()
            return
        self._ask_again(lost)

    def _ask_again(self, lost: range | list[int]) -> None:
        self._stats.nacks_up += 1
        numbers = [number & 0xFFFF for number in lost]
        self._feedback(rtcp.nack(self._own_ssrc, self.ssrc, numbers))

    def retransmission(self, packet: bytearray) -> None:
        """A packet of the retransmission stream: the one inside, unless it is but a probe."""
        original = rtp.unwrap_retransmission(packet, payload_type=self.payload_type, ssrc=self.ssrc)
        if original is not None and self.started:
            self.receive(original)

    def find(self, sequence: int) -> bytearray | None:
        """The packet with this 16-bit sequence number, while it is remembered."""
        packet = self._history[sequence % HISTORY]
        if packet is None or packet[2] << 8 | packet[3] != sequence:
            return None
        return packet

    def ask_keyframe(self) -> None:
        """Ask the publisher for a key frame, until it comes, twice a second at most."""
        if self._is_video:
            self._keyframe_due = True
            self._keyframe_asked = 0
            self._request_keyframe(time.monotonic())

    def _request_keyframe(self, now: float) -> None:
        if not self._keyframe_due or now - self._keyframe_asked_at < KEYFRAME_EVERY:
            return
        if self._keyframe_asked >= MAX_KEYFRAME_REQUESTS:
            self._keyframe_due = False
            return
        self._keyframe_asked += 1
        self._keyframe_asked_at = now
        self._stats.keyframe_requests += 1
        self._feedback(rtcp.picture_loss(self._own_ssrc, self.ssrc))

    def tick(self, now: float) -> None:
        """Ask again for what has not come yet; called ten times a second."""
        self._request_keyframe(now)
        if not self._missing:
            return
        oldest = self.highest - HISTORY
        for number, asked in list(self._missing.items()):
            if number <= oldest or asked >= MAX_ASKED:
                del self._missing[number]
            else:
                self._missing[number] = asked + 1
        if self._missing:
            self._ask_again(list(self._missing))

    def sender_reported(self, report: rtcp.SenderReport, clock_offset: int) -> None:
        """Note the publisher's report and pass it on in the node's time.

        One clock for all sources: a stream whose source changes would jump otherwise. The offset
        is the same for a publisher's sound and picture, which keeps them together.
        """
        self.reception.reported(report.ntp)
        if self.started:
            for forward in self.forwards:
                forward.report(report, report.ntp + clock_offset)

    def report_block(self) -> rtcp.ReceiverBlock | None:
        """How the stream arrives, for the publisher; None before its first packet."""
        if not self.started:
            return None
        return self.reception.block(self.ssrc, self.highest)


class Reception:
    """Loss and jitter of one stream as receiver reports want them (RFC 3550 §6.4.1, A.3, A.8)."""

    def __init__(self, clock_rate: int) -> None:
        self.fraction_lost = 0.0
        self._rate = clock_rate
        self._jitter = 0.0
        self._transit: float | None = None
        self._report_middle = 0
        self._report_at = 0.0
        self.begin(0)

    def begin(self, first: int) -> None:
        """Count from the (extended) sequence number ``first`` on."""
        self.first = first
        self.received = 0
        self._expected_before = self._received_before = 0

    def frame_arrived(self, timestamp: int) -> None:
        """The first packet of a frame; jitter is measured from frame to frame."""
        transit = time.monotonic() * self._rate - timestamp
        if self._transit is not None:
            change = abs(transit - self._transit)
            if change < self._rate:  # a clock that wrapped or jumped is not jitter
                self._jitter += (change - self._jitter) / 16
        self._transit = transit

    def reported(self, ntp: int) -> None:
        """A sender report arrived; the next block answers it."""
        self._report_middle = ntp >> 16 & 0xFFFFFFFF
        self._report_at = time.monotonic()

    def block(self, ssrc: int, highest: int) -> rtcp.ReceiverBlock:
        """The report since the last one."""
        expected = highest - self.first + 1
        due = expected - self._expected_before
        lost = due - (self.received - self._received_before)
        self._expected_before, self._received_before = expected, self.received
        self.fraction_lost = max(0.0, lost / due) if due > 0 else 0.0
        delay = time.monotonic() - self._report_at if self._report_middle else 0.0
        return rtcp.ReceiverBlock(
            ssrc=ssrc,
            fraction=min(255, int(self.fraction_lost * 256)),
            lost=max(0, min(expected - self.received, 0x7FFFFF)),
            highest=highest & 0xFFFFFFFF,
            jitter=int(self._jitter) & 0xFFFFFFFF,
            last_report=self._report_middle,
            delay=int(delay * 65536) & 0xFFFFFFFF,
        )
