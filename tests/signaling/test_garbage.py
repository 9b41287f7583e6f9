"""Whatever arrives on the socket, rooms go on."""

import random
import socket

from signaling import protocol
from tests.signaling.cast import NodeWire, entrant, sees, until


def garbage(chance: random.Random) -> bytes:
    """A datagram that begins like STUN, DTLS, RTP, RTCP or nothing known."""
    first = chance.choice([0, 1, 3, 20, 22, 63, 64, 127, 128, 144, 176, 191, 192, 255])
    second = chance.choice([0, 1, 96, 111, 200, 201, 206, 255])
    return bytes([first, second]) + chance.randbytes(chance.choice([0, 1, 8, 18, 60, 1200, 3000]))


async def test_strangers_cannot_disturb_a_call(node, arrive):
    lin, zhao = await arrive("lin"), await arrive("zhao")
    await until(lambda: sees(lin, zhao) and sees(zhao, lin))
    chance = random.Random(1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.setblocking(False)
        for _ in range(3000):
            stranger.sendto(garbage(chance), node.listening[0])
            stranger.sendto(b"", node.listening[0])
    lin.frames.clear()
    zhao.frames.clear()
    await until(lambda: sees(lin, zhao) and sees(zhao, lin))
    assert node.stats.unrouted > 0
    assert node.stats.malformed > 0
    assert len(node._mux.routes) == 4


async def test_garbage_from_inside_is_counted_and_dropped(node, arrive):
    lin, zhao = await arrive("lin"), await arrive("zhao")
    await until(lambda: sees(lin, zhao) and sees(zhao, lin))
    uplink = node._rooms["r"].peers[0].uplink
    transport = uplink.transport
    chance = random.Random(2)
    source = next(s for s, t in uplink._by_ssrc.items() if t.kind == "video").to_bytes(4, "big")
    for _ in range(2000):
        transport._on_rtp(bytearray(b"\xb0\x60" + chance.randbytes(6) + source + garbage(chance)))
        try:
            transport._on_rtcp(garbage(chance))
        except ValueError:
            continue
    # What was forged from inside has shifted numbers; a key frame heals the picture.
    assert node.stats.malformed > 0
    lin.frames.clear()
    await until(lambda: sees(lin, zhao))


async def test_bad_answers_and_candidates_are_answered_with_an_error(node):
    wire = NodeWire(node, "r", entrant("lin"))
    assert wire.peer is not None
    messages = wire.__aiter__()
    await anext(messages)
    offer = protocol.parse_server(await anext(messages))
    assert isinstance(offer, protocol.Offer)
    for message in (
        protocol.Answer("publish", offer.revision, "v=0"),
        protocol.Candidate("publish", "nonsense"),
        protocol.Join("again"),
    ):
        wire.peer.receive(message)
        assert isinstance(protocol.parse_server(await anext(messages)), protocol.Error)
    wire.peer.receive(protocol.Ping(4))
    assert protocol.parse_server(await anext(messages)) == protocol.Pong(4)
