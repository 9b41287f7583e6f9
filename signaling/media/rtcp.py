"""Reads and writes the RTCP that a forwarding node needs (RFC 3550 §6, RFC 4585 §6).

``parse`` raises ValueError for anything malformed; packets of other kinds are skipped.
"""

import struct
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

SENDER_REPORT = 200
RECEIVER_REPORT = 201
DESCRIPTION = 202
TRANSPORT_FEEDBACK = 205
PAYLOAD_FEEDBACK = 206
NACK = 1
PICTURE_LOSS = 1
FULL_INTRA = 4
APPLICATION = 15

_header = struct.Struct("!BBH")
_sender = struct.Struct("!LQLLL")
_block = struct.Struct("!LLLLLL")


@dataclass(frozen=True, slots=True)
class ReceiverBlock:
    """How one stream arrives: ``fraction`` in 1/256, ``jitter`` in ticks, ``delay`` in s/65536."""

    ssrc: int
    fraction: int = 0
    lost: int = 0
    highest: int = 0
    jitter: int = 0
    last_report: int = 0
    delay: int = 0


@dataclass(frozen=True, slots=True)
class SenderReport:
    """What a sender's clocks read; ``ntp`` is 32.32 fixed point."""

    ssrc: int
    ntp: int
    timestamp: int
    packets: int = 0
    octets: int = 0


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    """Reception blocks, of a receiver or from a sender's report."""

    blocks: tuple[ReceiverBlock, ...]


@dataclass(frozen=True, slots=True)
class Nack:
    """Please send these sequence numbers of ``media`` again."""

    media: int
    lost: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class KeyframeRequest:
    """Please start afresh with a key frame on ``media``."""

    media: int


@dataclass(frozen=True, slots=True)
class BitrateEstimate:
    """The receiver believes that ``bitrate`` bit/s reach it (draft-alvestrand-rmcat-remb-03)."""

    bitrate: int
    media: tuple[int, ...]


Report = SenderReport | ReceiverReport | Nack | KeyframeRequest | BitrateEstimate


def parse(data: bytes) -> list[Report]:
    """The reports of one compound packet, in order."""
    reports: list[Report] = []
    at = 0
    while at < len(data):
        if len(data) < at + 4:
            raise ValueError("an RTCP header is cut off")
        first, kind, words = _header.unpack_from(data, at)
        end = at + 4 + 4 * words
        if first >> 6 != 2 or end > len(data):
            raise ValueError("an RTCP packet is not version 2 or is cut off")
        reports += _read(kind, first & 0x1F, data[at + 4 : end])
        at = end
    return reports


def _read(kind: int, count: int, body: bytes) -> Iterator[Report]:
    if kind == SENDER_REPORT:
        _need(body, _sender.size)
        yield SenderReport(*_sender.unpack_from(body))
        yield ReceiverReport(_blocks(body, _sender.size, count))
    elif kind == RECEIVER_REPORT:
        yield ReceiverReport(_blocks(body, 4, count))
    elif kind == TRANSPORT_FEEDBACK and count == NACK:
        _need(body, 8)
        yield Nack(int.from_bytes(body[4:8], "big"), tuple(_lost(body[8:])))
    elif kind == PAYLOAD_FEEDBACK:
        _need(body, 8)
        yield from _payload_feedback(count, body)


def _payload_feedback(fmt: int, body: bytes) -> Iterator[Report]:
    if fmt == PICTURE_LOSS:
        yield KeyframeRequest(int.from_bytes(body[4:8], "big"))
    elif fmt == FULL_INTRA:
        # RFC 5104 §4.3.1.1: the media source stands in the entries, the header's field is 0.
        for at in range(8, len(body) - 7, 8):
            yield KeyframeRequest(int.from_bytes(body[at : at + 4], "big"))
    elif fmt == APPLICATION and body[8:12] == b"REMB":
        yield _estimate(body)


def _estimate(body: bytes) -> BitrateEstimate:
    _need(body, 16)
    count, exponent = body[12], body[13] >> 2
    _need(body, 16 + 4 * count)
    mantissa = (body[13] & 0x03) << 16 | body[14] << 8 | body[15]
    return BitrateEstimate(mantissa << exponent, struct.unpack_from(f"!{count}L", body, 16))


def _blocks(body: bytes, at: int, count: int) -> tuple[ReceiverBlock, ...]:
    _need(body, at + _block.size * count)
    return tuple(_read_block(body, at + _block.size * n) for n in range(count))


def _read_block(body: bytes, at: int) -> ReceiverBlock:
    ssrc, loss, highest, jitter, last, delay = _block.unpack_from(body, at)
    lost = loss & 0xFFFFFF
    signed = lost - (1 << 24) if lost & 0x800000 else lost
    return ReceiverBlock(ssrc, loss >> 24, signed, highest, jitter, last, delay)


def _lost(entries: bytes) -> Iterator[int]:
    for at in range(0, len(entries) - 3, 4):
        first, more = struct.unpack_from("!HH", entries, at)
        yield first
        for bit in range(16):
            if more >> bit & 1:
                yield first + bit + 1 & 0xFFFF


def _need(body: bytes, size: int) -> None:
    if len(body) < size:
        raise ValueError("an RTCP packet is shorter than it says")


def _write(kind: int, count: int, body: bytes) -> bytes:
    return _header.pack(0x80 | count, kind, len(body) // 4) + body


def ntp_now() -> int:
    """The present in NTP's 32.32 fixed point (RFC 3550 §4)."""
    seconds_to_unix = 2_208_988_800
    return int((time.time() + seconds_to_unix) * (1 << 32))


def sender_report(report: SenderReport) -> bytes:
    """A sender report followed by the CNAME that RFC 3550 §6.1 demands in each compound packet."""
    body = _sender.pack(
        report.ssrc,
        report.ntp,
        report.timestamp,
        report.packets & 0xFFFFFFFF,
        report.octets & 0xFFFFFFFF,
    )
    cname = report.ssrc.to_bytes(4, "big") + b"\x01\x01s\x00"
    return _write(SENDER_REPORT, 0, body) + _write(DESCRIPTION, 1, cname)


def receiver_report(ssrc: int, blocks: Sequence[ReceiverBlock]) -> bytes:
    """A receiver report; at most 31 blocks."""
    body = ssrc.to_bytes(4, "big")
    for block in blocks:
        loss = block.fraction << 24 | block.lost & 0xFFFFFF
        body += _block.pack(
            block.ssrc, loss, block.highest, block.jitter, block.last_report, block.delay
        )
    return _write(RECEIVER_REPORT, len(blocks), body)


def nack(ssrc: int, media: int, lost: Iterable[int]) -> bytes:
    """Ask for the sequence numbers ``lost`` (16 bits each, ascending)."""
    entries: list[list[int]] = []
    for number in lost:
        distance = (number - entries[-1][0] & 0xFFFF) if entries else 0
        if entries and 1 <= distance <= 16:
            entries[-1][1] |= 1 << distance - 1
        else:
            entries.append([number, 0])
    body = struct.pack("!LL", ssrc, media)
    body += b"".join(struct.pack("!HH", first, more) for first, more in entries)
    return _write(TRANSPORT_FEEDBACK, NACK, body)


def picture_loss(ssrc: int, media: int) -> bytes:
    """Ask for a key frame."""
    return _write(PAYLOAD_FEEDBACK, PICTURE_LOSS, struct.pack("!LL", ssrc, media))


def bitrate_estimate(ssrc: int, bitrate: int, media: Sequence[int]) -> bytes:
    """Tell a sender what reaches its receivers, in bit/s."""
    exponent = max(0, bitrate.bit_length() - 18)
    packed = exponent << 18 | bitrate >> exponent
    body = struct.pack("!LL4sB3s", ssrc, 0, b"REMB", len(media), packed.to_bytes(3, "big"))
    return _write(PAYLOAD_FEEDBACK, APPLICATION, body + struct.pack(f"!{len(media)}L", *media))
