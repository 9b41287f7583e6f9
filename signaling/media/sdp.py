"""Writes the node's offers and reads the answers (RFC 8829, RFC 9143, RFC 8843).

The node always offers, so payload types and extension numbers are the same for everybody and
packets need no remapping on their way.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from aiortc import RTCIceCandidate, RTCIceParameters
from aiortc.rtcdtlstransport import RTCDtlsFingerprint, RTCDtlsParameters
from aiortc.sdp import MediaDescription, SessionDescription, candidate_from_sdp, candidate_to_sdp

Kind = Literal["audio", "video"]
Direction = Literal["sendonly", "recvonly"]

PAYLOAD_TYPE: dict[Kind, int] = {"audio": 111, "video": 96}
RETRANSMISSION_TYPE = 97
CLOCK_RATE: dict[Kind, int] = {"audio": 48000, "video": 90000}
SEND_TIME_EXTENSION = 2

FORMATS: dict[Kind, str] = {"audio": "111", "video": "96 97"}
CODECS: dict[Kind, tuple[str, ...]] = {
    "audio": (
        "a=rtpmap:111 opus/48000/2",
        "a=fmtp:111 minptime=10;useinbandfec=1",
        "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
    ),
    "video": (
        "a=rtpmap:96 VP8/90000",
        "a=rtcp-fb:96 nack",
        "a=rtcp-fb:96 nack pli",
        "a=rtcp-fb:96 ccm fir",
        "a=rtcp-fb:96 goog-remb",
        "a=rtpmap:97 rtx/90000",
        "a=fmtp:97 apt=96",
        "a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
    ),
}


@dataclass(frozen=True, slots=True)
class Section:
    """One m-line of an offer; a sending one names its streams."""

    mid: str
    kind: Kind
    direction: Direction
    ssrc: int = 0
    retransmission_ssrc: int = 0


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream that an answer announces; ``retransmission_ssrc`` is 0 without RTX."""

    kind: Kind
    ssrc: int
    retransmission_ssrc: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What the node needs to know of an answer."""

    ice: RTCIceParameters
    dtls: RTCDtlsParameters
    streams: tuple[Stream, ...] = ()
    candidates: tuple[RTCIceCandidate, ...] = field(default=())


def write_offer(
    *,
    session: int,
    revision: int,
    sections: Sequence[Section],
    ice: RTCIceParameters,
    fingerprint: RTCDtlsFingerprint,
    candidates: Sequence[RTCIceCandidate],
) -> str:
    """An offer of ``sections`` bundled on one transport."""
    transport = [
        "c=IN IP4 0.0.0.0",
        "a=rtcp-mux",
        f"a=ice-ufrag:{ice.usernameFragment}",
        f"a=ice-pwd:{ice.password}",
        "a=ice-options:trickle",
        f"a=fingerprint:{fingerprint.algorithm} {fingerprint.value}",
        "a=setup:actpass",
        *(f"a=candidate:{candidate_to_sdp(candidate)}" for candidate in candidates),
        "a=end-of-candidates",
    ]
    lines = [
        "v=0",
        f"o=- {session} {revision} IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        f"a=group:BUNDLE {' '.join(section.mid for section in sections)}",
        "a=msid-semantic:WMS *",
    ]
    for section in sections:
        lines.append(f"m={section.kind} 9 UDP/TLS/RTP/SAVPF {FORMATS[section.kind]}")
        lines += transport
        lines += _section_lines(section)
    return "\r\n".join(lines) + "\r\n"


def _section_lines(section: Section) -> list[str]:
    lines = [f"a=mid:{section.mid}", f"a={section.direction}", *CODECS[section.kind]]
    if section.direction != "sendonly":
        return lines
    lines.append(f"a=msid:line-{section.mid} line-{section.mid}-{section.kind}")
    streams = [section.ssrc]
    if section.retransmission_ssrc:
        streams.append(section.retransmission_ssrc)
        lines.append(f"a=ssrc-group:FID {section.ssrc} {section.retransmission_ssrc}")
    return lines + [f"a=ssrc:{ssrc} cname:room" for ssrc in streams]


def read_answer(text: str) -> Answer:
    """The answer in ``text``; raises ValueError for anything that cannot be connected to."""
    try:
        description = SessionDescription.parse(text)
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError, StopIteration):
        raise ValueError("this is not a session description") from None
    if not description.media:
        raise ValueError("the answer has no media")
    first = description.media[0]
    if not (first.ice and first.ice.usernameFragment and first.ice.password):
        raise ValueError("the answer has no ICE user name and password")
    if (
        first.dtls is None
        or not first.dtls.fingerprints
        or first.dtls.role not in ("client", "server")
    ):
        raise ValueError("the answer has no fingerprint or no role")
    return Answer(
        ice=first.ice,
        dtls=first.dtls,
        streams=tuple(stream for media in description.media for stream in _streams(media)),
        candidates=tuple(c for c in first.ice_candidates if is_usable(c)),
    )


def _streams(media: MediaDescription) -> list[Stream]:
    if media.kind not in PAYLOAD_TYPE or media.direction not in ("sendonly", "sendrecv"):
        return []
    pairs = [group.items for group in media.ssrc_group if group.semantic == "FID"]
    found = [int(number) for number in (pairs[0] if pairs else [s.ssrc for s in media.ssrc[:1]])]
    if len(found) > 2 or not all(0 < ssrc < 1 << 32 for ssrc in found):
        raise ValueError("the answer's stream numbers are wrong")
    return [Stream(media.kind, *found)] if found else []


def read_candidate(text: str) -> RTCIceCandidate | None:
    """One trickled candidate (RFC 8840 §4.1), or None for one the node does not use.

    Raises ValueError for what is no candidate.
    """
    try:
        candidate = candidate_from_sdp(text.removeprefix("candidate:"))
    except (ValueError, LookupError, AssertionError):
        raise ValueError("this is not a candidate") from None
    return candidate if is_usable(candidate) else None


def is_usable(candidate: RTCIceCandidate) -> bool:
    """True for UDP to a literal address.

    Names ending in .local are left alone: the browser reaches the node anyway, and looking names
    up is no work for the media loop.
    """
    try:
        ipaddress.ip_address(candidate.ip)
    except ValueError:
        return False
    return candidate.protocol.lower() == "udp" and candidate.component == 1
