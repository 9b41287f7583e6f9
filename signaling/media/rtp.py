"""Reads what forwarding must know of an RTP packet and rewrites it in place.

Packets are bytearrays that start at the RTP header (RFC 3550 §5.1), decrypted. Numbers are in
network order. Functions raise ValueError when a packet is shorter than it says.
"""

import struct

FIXED_HEADER = 12
PADDING = 0x20
EXTENSION = 0x10
ONE_BYTE_PROFILE = 0xBEDE

sequence_timestamp_ssrc = struct.Struct("!HLL")
"""The three fields that forwarding replaces; they start at byte 2."""


def payload_start(packet: bytes | bytearray) -> int:
    """Where the payload begins, after CSRCs and the header extension."""
    size = len(packet)
    start = FIXED_HEADER + 4 * (packet[0] & 0x0F) if size >= FIXED_HEADER else size + 1
    if size >= FIXED_HEADER and packet[0] & EXTENSION:
        if size < start + 4:
            raise ValueError("the header extension is cut off")
        start += 4 + 4 * (packet[start + 2] << 8 | packet[start + 3])
    if start > size:
        raise ValueError("the packet is shorter than its header")
    return start


def strip_padding(packet: bytearray) -> None:
    """Cut the padding off (RFC 3550 §5.1, P bit); the packet keeps its sequence number."""
    padding = packet[-1]
    if not padding or payload_start(packet) + padding > len(packet):
        raise ValueError("the padding is longer than the payload")
    del packet[-padding:]
    packet[0] &= ~PADDING & 0xFF


def is_vp8_keyframe(packet: bytes | bytearray) -> bool:
    """True for the first packet of a VP8 key frame (RFC 7741 §4.2 and §4.3)."""
    try:
        at = payload_start(packet)
        descriptor = packet[at]
        begins = descriptor & 0x10 and not descriptor & 0x07
        at += 1
        if descriptor & 0x80:
            at += 1 + _vp8_extension(packet, at)
        return bool(begins) and not packet[at] & 0x01
    except (ValueError, IndexError):
        return False


def _vp8_extension(packet: bytes | bytearray, at: int) -> int:
    """Bytes of the descriptor's optional fields that follow the flags at ``at``."""
    flags = packet[at]
    size = 0
    if flags & 0x80:
        size += 2 if packet[at + 1] & 0x80 else 1
    if flags & 0x40:
        size += 1
    if flags & 0x30:
        size += 1
    return size


def wrap_retransmission(
    packet: bytearray, *, original: int, payload_type: int, sequence: int, timestamp: int, ssrc: int
) -> bytearray:
    """The packet as a retransmission carrying its ``original`` sequence number (RFC 4588 §4)."""
    start = payload_start(packet)
    wrapped = bytearray(packet[:start])
    wrapped += original.to_bytes(2, "big")
    wrapped += packet[start:]
    wrapped[1] = packet[1] & 0x80 | payload_type
    sequence_timestamp_ssrc.pack_into(wrapped, 2, sequence, timestamp, ssrc)
    return wrapped


def unwrap_retransmission(packet: bytearray, *, payload_type: int, ssrc: int) -> bytearray | None:
    """The packet inside a retransmission, or None when it only probes the line with padding.

    Browsers measure the line by repeating old packets or by padding on this stream.
    """
    if packet[0] & PADDING:
        strip_padding(packet)
    start = payload_start(packet)
    if len(packet) - start < 3:
        return None
    original = packet[:start] + packet[start + 2 :]
    original[1] = packet[1] & 0x80 | payload_type
    original[2:4] = packet[start : start + 2]
    original[8:12] = ssrc.to_bytes(4, "big")
    return original


def find_extension(packet: bytes | bytearray, identifier: int) -> int:
    """Where the value of the one-byte extension ``identifier`` starts, or 0 (RFC 8285 §4.2)."""
    if not packet[0] & EXTENSION:
        return 0
    at = FIXED_HEADER + 4 * (packet[0] & 0x0F)
    if len(packet) < at + 4 or packet[at] << 8 | packet[at + 1] != ONE_BYTE_PROFILE:
        return 0
    end = min(len(packet), at + 4 + 4 * (packet[at + 2] << 8 | packet[at + 3]))
    at += 4
    while at < end:
        head = packet[at]
        if head >> 4 == identifier and at + 1 + (head & 0x0F) < end:
            return at + 1
        at += 1 if head == 0 else 2 + (head & 0x0F)
    return 0


def stamp_send_time(packet: bytearray, identifier: int, now: float) -> None:
    """Set abs-send-time to ``now`` seconds: 24 bits, 6.18 fixed point.

    Receivers estimate their line from it; left as the publisher wrote it, one weak uplink would
    look like everyone's weak downlink.
    """
    at = find_extension(packet, identifier)
    if at and len(packet) >= at + 3:
        packet[at : at + 3] = (int(now * 262144) & 0xFFFFFF).to_bytes(3, "big")
