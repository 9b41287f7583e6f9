"""Every message between a browser and a room, one frozen dataclass each (docs/protocol.md).

A message is one JSON object whose ``type`` names it. ``parse_client`` and ``parse_server`` read
one and raise ``kernel.errors.Invalid`` with the path of the first field that is wrong; ``dump``
writes one. No Django in here.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, is_dataclass
from typing import (
    Annotated,
    Any,
    ClassVar,
    Literal,
    TypeVar,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

from kernel.errors import Invalid

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
class Rule:
    """How a field is read: ``read(path, value)`` gives the value or raises Invalid."""

    read: Callable[[str, Any], Any]
    about: str


def text(limit: int, *, least: int = 1) -> Rule:
    """A string of ``least`` to ``limit`` characters."""

    def read(path: str, value: Any) -> str:
        if not isinstance(value, str):
            raise Invalid(path, "must be a string")
        if not least <= len(value) <= limit:
            raise Invalid(path, f"must have {least} to {limit} characters")
        return value

    return Rule(read, f"string, {least} to {limit} characters")


def whole(highest: int) -> Rule:
    """A whole number from 0 to ``highest``."""

    def read(path: str, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= highest:
            raise Invalid(path, f"must be a whole number from 0 to {highest}")
        return value

    return Rule(read, f"whole number, 0 to {highest}")


def texts(limit: int) -> Rule:
    """A list of strings."""

    def read(path: str, value: Any) -> tuple[str, ...]:
        good = isinstance(value, list) and len(value) <= limit
        if not good or not all(isinstance(item, str) and len(item) <= 300 for item in value):
            raise Invalid(path, f"must be a list of at most {limit} strings")
        return tuple(value)

    return Rule(read, f"list of at most {limit} strings")


def words(limit: int) -> Rule:
    """An object from string to string."""

    def read(path: str, value: Any) -> dict[str, str]:
        if not isinstance(value, dict) or len(value) > limit:
            raise Invalid(path, f"must be an object of at most {limit} members")
        if not all(isinstance(item, str) and len(item) <= 100 for item in value.values()):
            raise Invalid(path, "must hold strings")
        return dict(value)

    return Rule(read, f"object from string to string, at most {limit} members")


def parts(kind: type[Any], limit: int) -> Rule:
    """A list of objects, each described by another dataclass."""

    def read(path: str, value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list) or len(value) > limit:
            raise Invalid(path, f"must be a list of at most {limit}")
        return tuple(_read(kind, f"{path}[{n}]", item) for n, item in enumerate(value))

    return Rule(read, f"list of at most {limit}, see {kind.__name__}")


def _flag(path: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise Invalid(path, "must be true or false")
    return value


def _choice(choices: tuple[str, ...]) -> Rule:
    def read(path: str, value: Any) -> str:
        if not isinstance(value, str) or value not in choices:
            raise Invalid(path, f"must be one of {', '.join(choices)}")
        return value

    return Rule(read, " or ".join(f"`{choice}`" for choice in choices))


def _rule(hint: Any) -> Rule:
    """The rule written in the annotation, or the one that its type implies."""
    if get_origin(hint) is Annotated:
        return cast(Rule, hint.__metadata__[0])
    if get_origin(hint) is Literal:
        return _choice(get_args(hint))
    if is_dataclass(hint):
        kind = cast(type[Any], hint)
        return Rule(lambda path, value: _read(kind, path, value), f"object, see {kind.__name__}")
    if hint is bool:
        return Rule(_flag, "true or false")
    raise TypeError(f"a field of type {hint} needs a rule")


def _rules_of(kind: type[Any]) -> dict[str, Rule]:
    hints = get_type_hints(kind, include_extras=True)
    return {n: _rule(hint) for n, hint in hints.items() if get_origin(hint) is not ClassVar}


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

RULES: Mapping[type[Any], dict[str, Rule]] = {
    kind: _rules_of(kind) for kind in (*CLIENT, *SERVER, *PARTS)
}
"""The fields of each message and part, in order."""

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
    return _read(kinds[kind], kind, found)


def _read(kind: type[M], path: str, found: Any) -> M:
    if not isinstance(found, dict):
        raise Invalid(path, "must be an object")
    known = RULES[kind]
    for name in found:
        if name not in known:
            raise Invalid(f"{path}.{name[:40]}", "is not known")
    for name in known:
        if name not in found:
            raise Invalid(f"{path}.{name}", "is missing")
    return kind(**{n: rule.read(f"{path}.{n}", found[n]) for n, rule in known.items()})


def dump(message: ClientMessage | ServerMessage) -> str:
    """The message as JSON."""
    return json.dumps({"type": message.type, **asdict(message)}, ensure_ascii=False)
