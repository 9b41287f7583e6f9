"""A track on its own: order, gaps, repeats and key frames, without a network."""

import itertools
from typing import Any

import pytest
from aiortc import rtp as reference

from signaling.media import rtcp, sdp, track
from signaling.media.forward import FanOut, Forward
from signaling.media.stats import Counters
from signaling.media.track import Track


class Sink(FanOut):
    """Remembers what would be sent, as (forward, sequence, timestamp)."""

    def __init__(self) -> None:
        self.stats = Counters()
        self.sent: list[tuple[Forward, Any, int | None]] = []

    def __call__(self, packet, sequence, timestamp, forwards) -> None:
        for forward in forwards:
            number = sequence + forward.sequence_offset & 0xFFFF
            self.sent.append((forward, number, timestamp + forward.timestamp_offset & 0xFFFFFFFF))

    def send_as_is(self, packet, forward) -> None:
        self.sent.append((forward, reference.RtpPacket.parse(bytes(packet)), None))


class Publisher:
    """A track, and the feedback its publisher got."""

    def __init__(self, kind: sdp.Kind = "video") -> None:
        self.feedback: list[rtcp.Report] = []
        self.sink = Sink()
        stream = sdp.Stream(kind, 7, 8 if kind == "video" else 0)
        self.track = Track(stream, own_ssrc=1, fan_out=self.sink, feedback=self._hear)

    def _hear(self, data: bytes) -> None:
        self.feedback += rtcp.parse(data)

    def send(self, *sequences: int, payload: bytes = b"\x00x") -> None:
        for sequence in sequences:
            kind = sdp.PAYLOAD_TYPE[self.track.kind]
            made = reference.RtpPacket(kind, 0, sequence & 0xFFFF, sequence * 3000, 7, payload)
            self.track.receive(bytearray(made.serialize()))

    def forward(self) -> Forward:
        forward = Forward(self.track.kind, self.sink, send_rtcp=self._hear)
        forward.attach(self.track)
        return forward

    def nacked(self) -> list[int]:
        return [n for report in self.feedback if isinstance(report, rtcp.Nack) for n in report.lost]


@pytest.fixture
def zhao() -> Publisher:
    return Publisher()


def numbers(sink: Sink, forward: Forward) -> list[int]:
    return [number for to, number, _ in sink.sent if to is forward]


def test_numbers_go_on_without_gaps_over_the_wrap(zhao):
    zhao.send(65533)
    forward = zhao.forward()
    zhao.send(65534, 65535, 65536, 65537)
    sent = numbers(zhao.sink, forward)
    assert sent == list(range(sent[0], sent[0] + 4))
    assert sent[0] < 1 << 14


def test_a_gap_is_asked_for_at_once_and_again_until_it_is_filled(zhao):
    zhao.send(10, 13)
    assert zhao.nacked() == [11, 12]
    zhao.send(12)
    zhao.track.tick(0.0)
    assert zhao.nacked() == [11, 12, 11]
    zhao.send(11)
    zhao.track.tick(0.0)
    assert zhao.nacked() == [11, 12, 11]
    assert zhao.sink.stats.recovered == 2


def test_asking_ends(zhao):
    zhao.send(10, 12)
    for _ in range(20):
        zhao.track.tick(0.0)
    assert zhao.nacked() == [11] * track.MAX_ASKED


def test_a_long_gap_is_bridged_by_a_key_frame(zhao):
    zhao.send(10, 10 + track.MAX_MISSING + 5)
    assert zhao.nacked() == []
    assert rtcp.KeyframeRequest(7) in zhao.feedback


def test_what_comes_twice_goes_on_once(zhao):
    forward = zhao.forward()
    zhao.send(1, 2, 2, 1, 3)
    assert len(numbers(zhao.sink, forward)) == 3
    assert zhao.sink.stats.duplicates == 2


def test_what_comes_much_too_late_is_dropped(zhao):
    zhao.send(1, 1 + track.HISTORY, 2 + track.HISTORY)
    zhao.send(1)
    assert zhao.sink.stats.too_late == 1


def test_a_stray_number_is_not_believed_but_two_in_a_row_are(zhao):
    forward = zhao.forward()
    zhao.send(1, 2, 30000, 3)
    assert len(numbers(zhao.sink, forward)) == 3
    zhao.send(50000, 50001, 50002)
    sent = numbers(zhao.sink, forward)
    assert sent == list(range(sent[0], sent[0] + 5))


def test_whoever_joins_later_does_not_get_what_was_late_from_before(zhao):
    early = zhao.forward()
    zhao.send(1, 2, 4)
    late = zhao.forward()
    zhao.send(3, 5)
    assert len(numbers(zhao.sink, early)) == 5
    assert len(numbers(zhao.sink, late)) == 1


def test_a_stream_goes_on_when_its_source_changes():
    first, second = Publisher(), Publisher()
    second.sink = first.sink
    second.track._fan_out = first.sink
    forward = first.forward()
    first.send(100, 101, 102)
    second.send(40000)
    forward.attach(second.track)
    second.send(40001, 40002)
    sent = numbers(first.sink, forward)
    assert sent == list(range(sent[0], sent[0] + 5))
    stamps = [stamp for to, _, stamp in first.sink.sent if to is forward and stamp is not None]
    steps = [(b - a) & 0xFFFFFFFF for a, b in itertools.pairwise(stamps)]
    assert all(step < 90000 for step in steps)


def test_what_a_receiver_misses_is_sent_again(zhao):
    forward = zhao.forward()
    zhao.send(1, 2, 3)
    wanted = numbers(zhao.sink, forward)[1]
    forward.repeat([wanted, wanted + 100])
    again = zhao.sink.sent[-1][1]
    assert again.ssrc == forward.retransmission_ssrc
    assert int.from_bytes(again.payload[:2], "big") == wanted
    assert zhao.sink.stats.retransmit_missed == 1


def test_key_frames_are_not_asked_for_more_than_twice_a_second(zhao):
    zhao.send(1)
    for _ in range(5):
        zhao.forward()
    assert zhao.feedback.count(rtcp.KeyframeRequest(7)) == 1


def test_asking_for_a_key_frame_goes_on_until_it_comes(zhao):
    zhao.send(1)
    zhao.forward()
    asked_at = zhao.track._keyframe_asked_at
    zhao.track.tick(asked_at + 0.4)
    zhao.track.tick(asked_at + 0.6)
    assert zhao.feedback.count(rtcp.KeyframeRequest(7)) == 2
    zhao.send(2, payload=b"\x10\x00key")
    zhao.track.tick(asked_at + 5)
    assert zhao.feedback.count(rtcp.KeyframeRequest(7)) == 2


def test_sound_is_neither_asked_for_again_nor_for_key_frames():
    voice = Publisher("audio")
    voice.send(1, 5)
    voice.forward()
    assert voice.feedback == []


def test_packets_of_another_kind_are_not_forwarded(zhao):
    forward = zhao.forward()
    zhao.track.receive(bytearray(reference.RtpPacket(97, 0, 1, 0, 7, b"x").serialize()))
    assert numbers(zhao.sink, forward) == []
    assert zhao.sink.stats.foreign == 1


def test_loss_is_reported_to_the_publisher(zhao):
    zhao.send(1, 2, 5)
    block = zhao.track.report_block()
    assert (block.lost, block.fraction) == (2, int(256 * 2 / 5))
    zhao.send(6, 7)
    assert zhao.track.report_block().fraction == 0


def test_the_senders_clock_is_passed_on_in_our_numbers(zhao):
    zhao.send(1)
    forward = zhao.forward()
    zhao.send(2)
    zhao.feedback.clear()
    zhao.track.sender_reported(rtcp.SenderReport(7, ntp=1 << 50, timestamp=6000), 5)
    (report, _blocks) = zhao.feedback
    assert (report.ssrc, report.ntp) == (forward.ssrc, (1 << 50) + 5)
    assert report.timestamp == 6000 + forward.timestamp_offset & 0xFFFFFFFF
