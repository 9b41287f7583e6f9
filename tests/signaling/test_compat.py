"""The contract of every private name that ``signaling.media.compat`` leans on.

When one of these fails after an upgrade, read the library's change first, then compat.py.
"""

import asyncio
import inspect
import struct
from collections.abc import Callable
from typing import Any

import aioice
import aiortc
import pylibsrtp
import pytest
from aioice import stun
from aioice.ice import Connection, StunProtocol
from aiortc import RTCCertificate, RTCDtlsTransport, RTCIceGatherer, RTCIceTransport
from aiortc.rtp import RtpPacket
from pylibsrtp import Policy, Session

from signaling.media.compat import (
    MAX_WAITING_RECORDS,
    Address,
    Buffer,
    Ice,
    also_gather_on,
    parse_stun,
    srtp_protect,
    srtp_unprotect,
)


def test_the_versions_are_the_ones_that_compat_was_written_for():
    assert aiortc.__version__ == "1.16.0"
    assert pylibsrtp.__version__ == "1.0.0"
    assert aioice.__version__ == "0.13.0"


class Sent:
    """A door that remembers what left through it."""

    announced = ("127.0.0.1", 40000)

    def __init__(self) -> None:
        self.out: list[tuple[bytes, Address]] = []
        self.send_to: Callable[[Any, Address], int] = lambda data, address: len(data)

    def send(self, data: bytes, address: tuple[str, int]) -> None:
        self.out.append((data, address))


async def test_an_agent_announces_the_doors_and_answers_checks_through_them():
    door = Sent()
    expected: list[Address] = []
    ice = Ice([door], expected.append)
    await ice.gatherer.gather()
    (candidate,) = ice.gatherer.getLocalCandidates()
    assert (candidate.ip, candidate.port, candidate.type) == ("127.0.0.1", 40000, "host")
    check = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    check.attributes["USERNAME"] = f"{ice.gatherer.getLocalParameters().usernameFragment}:them"
    check.attributes["PRIORITY"] = 1
    check.attributes["ICE-CONTROLLED"] = 1
    check.add_message_integrity(ice.password.encode())
    ice.check_arrived(parse_stun(bytes(check)), ("127.0.0.1", 5000), door)
    (data, address) = door.out[0]
    assert parse_stun(data).message_class == stun.Class.RESPONSE
    assert address == ("127.0.0.1", 5000)
    assert expected == [address]
    assert ice.route() is None
    await ice.transport.stop()


async def test_the_agent_controls_and_its_queue_is_watched():
    ice = Ice([Sent()], lambda address: None)
    assert ice.transport.role == "controlling"
    accepted = [ice.record_arrived(b"x") for _ in range(MAX_WAITING_RECORDS + 1)]
    assert accepted == [True] * MAX_WAITING_RECORDS + [False]
    await ice.transport.stop()


def test_names_of_aioice():
    assert list(inspect.signature(Connection.get_component_candidates).parameters) == [
        *("self", "component", "addresses", "timeout")
    ]
    assert inspect.iscoroutinefunction(Connection.get_component_candidates)
    assert list(inspect.signature(Connection.request_received).parameters)[1:] == [
        *("message", "addr", "protocol")
    ]
    assert list(inspect.signature(Connection.data_received).parameters)[1:] == ["data", "component"]
    source = inspect.getsource(Connection)
    for name in ("_protocols", "_nominated", "_queue", "local_password", "ice_controlling"):
        assert f"self.{name}" in source
    assert "transactions" in inspect.getsource(StunProtocol)


def test_names_of_aiortc():
    source = inspect.getsource(RTCDtlsTransport)
    for name in ("_tx_srtp", "_rx_srtp", "_set_role"):
        assert name in source
    assert "_connection" in inspect.getsource(RTCIceGatherer)
    assert "_connection" in inspect.getsource(RTCIceTransport)


def test_libsrtp_works_in_place_on_a_buffer():
    key = bytes(30)
    out = Session(Policy(key=key, ssrc_type=Policy.SSRC_ANY_OUTBOUND))
    back = Session(Policy(key=key, ssrc_type=Policy.SSRC_ANY_INBOUND))
    packet = RtpPacket(96, 0, 1, 0, 7, b"hello").serialize()
    buffer = Buffer(200)
    buffer.view[: len(packet)] = packet
    buffer.length[0] = len(packet)
    assert srtp_protect(out._srtp[0], buffer.data, buffer.length) == 0
    assert bytes(buffer.view[: len(packet)]) != packet
    assert buffer.length[0] > len(packet)
    assert srtp_unprotect(back._srtp[0], buffer.data, buffer.length) == 0
    assert bytes(buffer.view[: buffer.length[0]]) == packet
    assert srtp_unprotect(back._srtp[0], buffer.data, buffer.length) != 0


@pytest.mark.parametrize("data", [b"", b"\0" * 19, bytes(20)])
def test_what_is_no_stun_is_a_value_error(data):
    with pytest.raises(ValueError, match=r"\w"):
        parse_stun(data)


def test_attributes_of_wrong_length_are_a_value_error():
    body = struct.pack("!HH", 0x0024, 2) + b"\0\0\0\0"
    head = struct.pack("!HHI12s", 1, len(body), 0x2112A442, bytes(12))
    with pytest.raises(ValueError, match=r"\w"):
        parse_stun(head + body)


async def test_a_client_can_gather_on_loopback():
    gatherer = RTCIceGatherer(iceServers=[])
    also_gather_on(gatherer, ["127.0.0.1"])
    await asyncio.wait_for(gatherer.gather(), 10)
    assert "127.0.0.1" in [candidate.ip for candidate in gatherer.getLocalCandidates()]
    await RTCIceTransport(gatherer).stop()


def test_a_certificate_has_the_fingerprint_that_offers_use():
    algorithms = [f.algorithm for f in RTCCertificate.generateCertificate().getFingerprints()]
    assert "sha-256" in algorithms
