"""Every message between a browser and a room, one frozen dataclass each (docs/protocol.md).

A message is one JSON object whose ``type`` names it. ``parse_client`` and ``parse_server`` read
one and raise ``kernel.errors.Invalid`` with the path of the first field that is wrong; ``dump``
writes one. No Django in here.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, ClassVar, Literal, TypeVar

from kernel.errors import Invalid
from signaling.fields import parts, read_object, text, texts, whole, words

MAX_MESSAGE = 64 * 1024
MAX_ROOM_MESSAGE = 1024 * 1024
MAX_DESCRIPTION = 48 * 1024
MAX_CHAT = 2000
MAX_NAME = 80
MAX_NUMBER = 2**53

Way = Literal["publish", "subscribe"]
Role = Literal["host", "guest"]
Reason = Literal["left", "replaced", "closed", "full", "rejoin", "refused", "slow"]


@dataclass(frozen=True, slots=True)
class Participant:
    """Somebody in the room; ``id`` stays the same when they come back."""

    id: Annotated[str, text(40)]
    name: Annotated[str, text(MAX_NAME, least=0)]
    role: Role
    audio: bool
    video: bool


@dataclass(frozen=True, slots=True)
class Relay:
    """One entry of RTCConfiguration.iceServers."""

    urls: Annotated[tuple[str, ...], texts(8)]
    username: Annotated[str, text(200, least=0)]
    credential: Annotated[str, text(200, least=0)]


@dataclass(frozen=True, slots=True)
class Join:
    """The first message: the ticket that the page was given. Everything else waits for it."""

    type: ClassVar[str] = "join"
    ticket: Annotated[str, text(2000)]


@dataclass(frozen=True, slots=True)
class Answer:
    """The browser's description for the offer of the same ``revision``."""

    type: ClassVar[str] = "answer"
    way: Way
    revision: Annotated[int, whole(MAX_NUMBER)]
    sdp: Annotated[str, text(MAX_DESCRIPTION)]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A late ICE candidate of the browser. Optional: the room learns addresses from checks."""

    type: ClassVar[str] = "candidate"
    way: Way
    candidate: Annotated[str, text(400)]


@dataclass(frozen=True, slots=True)
class Mute:
    """What I send now, for the others to show; true means that it is being sent."""

    type: ClassVar[str] = "mute"
    audio: bool
    video: bool


@dataclass(frozen=True, slots=True)
class Say:
    """A line of chat for everybody in the room; nobody keeps it."""

    type: ClassVar[str] = "say"
    text: Annotated[str, text(MAX_CHAT)]


@dataclass(frozen=True, slots=True)
class Restart:
    """My media broke: build both transports anew. Fresh offers follow."""

    type: ClassVar[str] = "restart"


@dataclass(frozen=True, slots=True)
class Leave:
    """Goodbye; `closed` follows."""

    type: ClassVar[str] = "leave"


@dataclass(frozen=True, slots=True)
class Ping:
    """Is anybody there? `pong` returns the number."""

    type: ClassVar[str] = "ping"
    number: Annotated[int, whole(MAX_NUMBER)]


@dataclass(frozen=True, slots=True)
class Joined:
    """You are in: who you are, who is here, and the relays for RTCPeerConnection."""

    type: ClassVar[str] = "joined"
    you: Participant
    others: Annotated[tuple[Participant, ...], parts(Participant, 20)]
    relays: Annotated[tuple[Relay, ...], parts(Relay, 8)]


@dataclass(frozen=True, slots=True)
class Offer:
    """Answer this. ``sources`` says whose media each active m-line (by mid) of `subscribe` carries.

    ``fresh`` starts a new RTCPeerConnection, otherwise the one there is renegotiated. All of the
    room's candidates are in the description.
    """

    type: ClassVar[str] = "offer"
    way: Way
    revision: Annotated[int, whole(MAX_NUMBER)]
    sdp: Annotated[str, text(MAX_ROOM_MESSAGE // 2)]
    sources: Annotated[dict[str, str], words(100)]
    fresh: bool


@dataclass(frozen=True, slots=True)
class ParticipantJoined:
    """Somebody came in."""

    type: ClassVar[str] = "participant-joined"
    participant: Participant


@dataclass(frozen=True, slots=True)
class ParticipantChanged:
    """Somebody muted or unmuted."""

    type: ClassVar[str] = "participant-changed"
    participant: Participant


@dataclass(frozen=True, slots=True)
class ParticipantLeft:
    """Somebody is gone."""

    type: ClassVar[str] = "participant-left"
    id: Annotated[str, text(40)]


@dataclass(frozen=True, slots=True)
class Said:
    """A line of chat from the participant ``id``."""

    type: ClassVar[str] = "said"
    id: Annotated[str, text(40)]
    text: Annotated[str, text(MAX_CHAT)]


@dataclass(frozen=True, slots=True)
class Quality:
    """How a participant's line holds by loss, both ways: 0 broken, 1 weak, 2 fair, 3 good."""

    type: ClassVar[str] = "quality"
    id: Annotated[str, text(40)]
    level: Annotated[int, whole(3)]


@dataclass(frozen=True, slots=True)
class Error:
    """A message of yours was refused; the connection goes on unless `closed` follows."""

    type: ClassVar[str] = "error"
    path: Annotated[str, text(200, least=0)]
    says: Annotated[str, text(500)]


@dataclass(frozen=True, slots=True)
class Closed:
    """The last message: why it ends. On `rejoin` get a fresh ticket and join again."""

    type: ClassVar[str] = "closed"
    reason: Reason


@dataclass(frozen=True, slots=True)
class Pong:
    """Yes."""

    type: ClassVar[str] = "pong"
    number: Annotated[int, whole(MAX_NUMBER)]


ClientMessage = Join | Answer | Candidate | Mute | Say | Restart | Leave | Ping
ServerMessage = (
    Joined
    | Offer
    | ParticipantJoined
    | ParticipantChanged
    | ParticipantLeft
    | Said
    | Quality
    | Error
    | Closed
    | Pong
)

CLIENT: tuple[type[ClientMessage], ...] = (
    *(Join, Answer, Candidate, Mute, Say, Restart, Leave, Ping),
)
SERVER: tuple[type[ServerMessage], ...] = (
    *(Joined, Offer, ParticipantJoined, ParticipantChanged, ParticipantLeft),
    *(Said, Quality, Error, Closed, Pong),
)
PARTS = (Participant, Relay)

CLOSE_CODES: Mapping[int, str] = {
    4400: "a message could not be read",
    4401: "the ticket is not valid (any more); get a fresh one",
    4404: "there is no such room, or it is closed",
    4408: "no ticket came in time",
    4409: "the same person joined again elsewhere",
    4410: "the room was closed",
    4413: "the room is full",
    4429: "too many messages, or too slow in reading them",
    4503: "the room moves to another machine; get a fresh ticket and join again",
}

_CLIENT = {kind.type: kind for kind in CLIENT}
_SERVER = {kind.type: kind for kind in SERVER}
M = TypeVar("M")


def parse_client(raw: str | bytes) -> ClientMessage:
    """The message from a browser in ``raw``; raises Invalid naming the field."""
    return _parse(_CLIENT, raw, MAX_MESSAGE)


def parse_server(raw: str | bytes) -> ServerMessage:
    """The message from a room in ``raw``; raises Invalid naming the field."""
    return _parse(_SERVER, raw, MAX_ROOM_MESSAGE)


def _parse(kinds: Mapping[str, type[M]], raw: str | bytes, limit: int) -> M:
    if len(raw) > limit:
        raise Invalid("", f"a message has at most {limit} bytes")
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        raise Invalid("", "a message is one JSON object") from None
    if not isinstance(found, dict):
        raise Invalid("", "a message is one JSON object")
    kind = found.pop("type", None)
    if not isinstance(kind, str) or kind not in kinds:
        raise Invalid("type", f"must be one of {', '.join(kinds)}")
    return read_object(kinds[kind], kind, found)


def dump(message: ClientMessage | ServerMessage) -> str:
    """The message as JSON."""
    return json.dumps({"type": message.type, **asdict(message)}, ensure_ascii=False)
