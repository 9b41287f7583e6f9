"""RTP, RTCP and SDP: what is well formed is understood, what is not is refused and nothing more."""

import struct

import pytest
from aiortc import rtp as reference
from aiortc.codecs.vpx import VpxPayloadDescriptor
from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpParameters
from hypothesis import given
from hypothesis import strategies as st

from signaling.media import rtcp, rtp, sdp

NUMBER = st.integers(0, (1 << 32) - 1)
SEQUENCE = st.integers(0, 0xFFFF)


def packet(payload: bytes = b"x", *, ssrc: int = 7, sequence: int = 1, pt: int = 96) -> bytearray:
    made = reference.RtpPacket(pt, 0, sequence, 1000, ssrc, payload)
    return bytearray(made.serialize())


def vp8(*, key: bool, begins: bool = True, picture: int | None = None) -> bytearray:
    descriptor = bytes(VpxPayloadDescriptor(int(begins), 0, picture_id=picture))
    return packet(descriptor + (b"\x00" if key else b"\x01") + b"rest")


@pytest.mark.parametrize("picture", [None, 5, 300])
def test_a_key_frame_is_told_from_others(picture):
    assert rtp.is_vp8_keyframe(vp8(key=True, picture=picture))
    assert not rtp.is_vp8_keyframe(vp8(key=False, picture=picture))
    assert not rtp.is_vp8_keyframe(vp8(key=True, begins=False, picture=picture))


def test_a_retransmission_carries_the_packet_and_gives_it_back():
    original = packet(b"hello", sequence=65000)
    wrapped = rtp.wrap_retransmission(
        original, original=65000, payload_type=97, sequence=3, timestamp=1000, ssrc=8
    )
    read = reference.RtpPacket.parse(bytes(wrapped))
    assert (read.payload_type, read.sequence_number, read.ssrc) == (97, 3, 8)
    assert rtp.unwrap_retransmission(wrapped, payload_type=96, ssrc=7) == original


def test_padding_goes_and_a_probe_holds_nothing():
    made = reference.RtpPacket(96, 0, 1, 1000, 7, b"hello")
    made.padding_size = 9
    padded = bytearray(made.serialize())
    rtp.strip_padding(padded)
    assert padded == packet(b"hello")
    probe = reference.RtpPacket(97, 0, 1, 1000, 8, b"")
    probe.padding_size = 200
    assert rtp.unwrap_retransmission(bytearray(probe.serialize()), payload_type=96, ssrc=7) is None


def test_the_send_time_is_set_where_it_stands():
    extensions = reference.HeaderExtensionsMap()
    uri = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
    declared = RTCRtpHeaderExtensionParameters(id=2, uri=uri)
    parameters = RTCRtpParameters(headerExtensions=[declared])
    extensions.configure(parameters)
    made = reference.RtpPacket(96, 0, 1, 1000, 7, b"hello")
    made.extensions.abs_send_time = 1
    stamped = bytearray(made.serialize(extensions))
    rtp.stamp_send_time(stamped, 2, 1.5)
    read = reference.RtpPacket.parse(bytes(stamped), extensions)
    assert read.extensions.abs_send_time == int(1.5 * (1 << 18))
    assert read.payload == b"hello"


@given(st.binary(max_size=300))
def test_no_bytes_as_rtp_do_more_than_raise_value_error(data):
    for work in (
        rtp.payload_start,
        rtp.strip_padding,
        rtp.is_vp8_keyframe,
        lambda p: rtp.find_extension(p, 2),
        lambda p: rtp.stamp_send_time(p, 2, 1.0),
        lambda p: rtp.unwrap_retransmission(p, payload_type=96, ssrc=1),
    ):
        copy = bytearray(b"\x90" + data + bytes(12))[: max(12, len(data))]
        try:
            work(copy)
        except ValueError:
            continue
        assert len(copy) <= max(12, len(data))


@given(st.binary(max_size=200))
def test_no_bytes_as_rtcp_do_more_than_raise_value_error(data):
    heads = [
        b"",
        *(
            struct.pack("!BBH", 0x80 | n, kind, len(data) // 4)
            for kind in (200, 201, 205, 206)
            for n in (0, 1, 2, 4, 15, 31)
        ),
    ]
    for head in heads:
        try:
            assert isinstance(rtcp.parse(head + data), list)
        except ValueError:
            continue


@given(NUMBER, NUMBER, st.lists(SEQUENCE, min_size=1, max_size=40, unique=True))
def test_a_nack_says_what_is_lost(ssrc, media, lost):
    data = rtcp.nack(ssrc, media, sorted(lost))
    (read,) = rtcp.parse(data)
    assert isinstance(read, rtcp.Nack)
    assert (read.media, set(read.lost)) == (media, set(lost))
    (other,) = reference.RtcpPacket.parse(data)
    assert isinstance(other, reference.RtcpRtpfbPacket)
    assert {number & 0xFFFF for number in other.lost} == set(lost)


@given(NUMBER, st.integers(1000, 10**9), st.lists(NUMBER, max_size=5))
def test_an_estimate_keeps_its_size(ssrc, bitrate, media):
    (read,) = rtcp.parse(rtcp.bitrate_estimate(ssrc, bitrate, media))
    assert isinstance(read, rtcp.BitrateEstimate)
    assert read.media == tuple(media)
    assert bitrate * 0.999 <= read.bitrate <= bitrate


def test_reports_are_what_others_read():
    block = rtcp.ReceiverBlock(7, fraction=3, lost=5, highest=70000, jitter=9, delay=11)
    data = rtcp.receiver_report(1, [block])
    (other,) = reference.RtcpPacket.parse(data)
    assert isinstance(other, reference.RtcpRrPacket)
    assert (other.reports[0].packets_lost, other.reports[0].highest_sequence) == (5, 70000)
    assert rtcp.parse(data) == [rtcp.ReceiverReport((block,))]
    report = rtcp.SenderReport(7, ntp=1 << 40, timestamp=3, packets=4, octets=5)
    data = rtcp.sender_report(report)
    assert rtcp.parse(data)[0] == report
    (sender, *_) = reference.RtcpPacket.parse(data)
    assert isinstance(sender, reference.RtcpSrPacket)
    assert sender.sender_info.packet_count == 4


def test_key_frames_are_asked_for_in_both_ways():
    full = struct.pack("!BBHLLLL", 0x84, 206, 4, 1, 0, 9, 0)
    assert rtcp.parse(rtcp.picture_loss(1, 9)) == [rtcp.KeyframeRequest(9)]
    assert rtcp.parse(full) == [rtcp.KeyframeRequest(9)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "v=0",
        "v=0\r\nm=audio",
        "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=fmtp:5 x",
        "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=setup:sometimes",
        "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid",
        "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=candidate:1",
        "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=ice-ufrag:a\r\na=ice-pwd:b\r\na=setup:active",
    ],
)
def test_an_answer_that_cannot_be_used_is_refused(text):
    with pytest.raises(ValueError, match=r"\w"):
        sdp.read_answer(text)


def test_stream_numbers_out_of_range_are_refused():
    text = (
        "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=ice-ufrag:abcd\r\na=ice-pwd:b\r\n"
        "a=setup:active\r\na=fingerprint:sha-256 AA\r\na=sendonly\r\na=ssrc:99999999999 cname:x\r\n"
    )
    with pytest.raises(ValueError, match="numbers"):
        sdp.read_answer(text)
    assert sdp.read_answer(text.replace("99999999999", "5")).streams == (sdp.Stream("audio", 5),)


@given(st.text())
def test_no_text_as_a_candidate_does_more_than_raise_value_error(text):
    for line in (text, f"candidate:1 1 udp 1 {text} 5 typ host"):
        try:
            found = sdp.read_candidate(line)
        except ValueError:
            continue
        assert found is None or sdp.is_usable(found)


def test_candidates_behind_names_are_left_alone():
    assert sdp.read_candidate("candidate:1 1 udp 1 0f.local 5 typ host") is None
    assert sdp.read_candidate("candidate:1 1 tcp 1 10.0.0.1 9 typ host tcptype active") is None
    assert sdp.read_candidate("candidate:1 1 udp 1 10.0.0.1 5 typ host") is not None
