"""The wire: what is written can be read, and what is wrong is named."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import Invalid
from signaling import protocol
from signaling.describe import describe
from signaling.fields import rules

LIN = protocol.Participant("a1", "林", "host", True, False)
CLIENT = [
    protocol.Join("t"),
    protocol.Answer("publish", 1, "v=0"),
    protocol.Candidate("subscribe", "candidate:1 1 udp 1 127.0.0.1 1 typ host"),
    protocol.Mute(True, False),
    protocol.Say("您好"),
    protocol.Restart(),
    protocol.Leave(),
    protocol.Ping(3),
]
SERVER = [
    protocol.Joined(LIN, (LIN,), (protocol.Relay(("turn:a",), "u", "c"),)),
    protocol.Offer("subscribe", 2, "v=0", {"0": "a1"}, True),
    protocol.ParticipantJoined(LIN),
    protocol.ParticipantChanged(LIN),
    protocol.ParticipantLeft("a1"),
    protocol.Said("a1", "您好"),
    protocol.Quality("a1", 2),
    protocol.Error("say.text", "is missing"),
    protocol.Closed("rejoin"),
    protocol.Pong(3),
]


@pytest.mark.parametrize("message", CLIENT, ids=lambda m: m.type)
def test_what_a_browser_writes_is_read_back(message):
    assert protocol.parse_client(protocol.dump(message)) == message


@pytest.mark.parametrize("message", SERVER, ids=lambda m: m.type)
def test_what_a_room_writes_is_read_back(message):
    assert protocol.parse_server(protocol.dump(message)) == message


def test_every_message_has_an_example_here():
    assert {type(m) for m in CLIENT} == set(protocol.CLIENT)
    assert {type(m) for m in SERVER} == set(protocol.SERVER)


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        ("", ""),
        ("[]", ""),
        ("{", ""),
        ('"join"', ""),
        ("[" * 60_000, ""),
        ('{"type": "joined"}', "type"),
        ('{"type": 3}', "type"),
        ('{"type": ["join"]}', "type"),
        ('{"type": "join"}', "join.ticket"),
        ('{"type": "join", "ticket": 3}', "join.ticket"),
        ('{"type": "join", "ticket": ""}', "join.ticket"),
        ('{"type": "join", "ticket": "t", "admin": true}', "join.admin"),
        ('{"type": "mute", "audio": 1, "video": true}', "mute.audio"),
        ('{"type": "answer", "way": "up", "revision": 1, "sdp": "v"}', "answer.way"),
        ('{"type": "answer", "way": "publish", "revision": true, "sdp": "v"}', "answer.revision"),
        ('{"type": "answer", "way": "publish", "revision": -1, "sdp": "v"}', "answer.revision"),
        (json.dumps({"type": "say", "text": "a" * 2001}), "say.text"),
        ('{"type": "say", "text": "half a \\ud83d pair"}', "say.text"),
        (json.dumps({"type": "say", "text": "a" * 70_000}), ""),
    ],
)
def test_what_is_wrong_is_named(raw, path):
    with pytest.raises(Invalid) as refused:
        protocol.parse_client(raw)
    assert refused.value.issues[0][0] == path


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(ANYTHING)
def test_no_json_is_more_than_refused(value):
    kinds = [kind.type for kind in protocol.CLIENT]
    for body in (value, *({"type": k, **value} for k in kinds if isinstance(value, dict))):
        try:
            protocol.parse_client(json.dumps(body))
        except Invalid as refused:
            assert refused.issues


@given(st.binary())
def test_no_bytes_are_more_than_refused(data):
    try:
        protocol.parse_client(data)
    except Invalid as refused:
        assert refused.issues


def test_the_document_names_every_message_and_every_field():
    document = describe()
    for kind in (*protocol.CLIENT, *protocol.SERVER):
        assert f"### {kind.type}\n" in document
        for name in rules(kind):
            assert f"| `{name}` |" in document
