"""Every private name of aiortc, aioice and pylibsrtp that the node leans on, and nothing else.

The three are pinned exactly; ``tests/signaling/test_compat.py`` holds the contract of each name,
so that an upgrade fails there first and not in a call.
"""

import asyncio
import struct
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from aioice import Candidate, stun
from aioice.candidate import candidate_foundation, candidate_priority
from aioice.ice import Connection, StunProtocol
from aiortc import RTCCertificate, RTCDtlsTransport, RTCIceGatherer, RTCIceTransport
from aiortc.rtcdtlstransport import RTCDtlsParameters
from pylibsrtp import Error as SrtpError
from pylibsrtp import Session
from pylibsrtp._binding import ffi, lib

Address = tuple[str, int]

MAX_WAITING_RECORDS = 64
COMPONENT = 1

srtp_protect: Callable[[Any, Any, Any], int] = lib.srtp_protect
srtp_unprotect: Callable[[Any, Any, Any], int] = lib.srtp_unprotect


class Door(Protocol):
    """One UDP socket of the node, as the ICE side sees it."""

    announced: Address
    send_to: Callable[[Any, Address], int]

    def send(self, data: bytes, address: Address) -> None:
        """Send one datagram; never raises for the network's reasons."""


class Buffer:
    """Memory that libsrtp works on in place: ``view`` for Python, ``data`` and ``length`` for C."""

    def __init__(self, size: int) -> None:
        self.data = ffi.new("char[]", size)
        self.view = memoryview(ffi.buffer(self.data)).cast("B")
        self.length = ffi.new("int *")


class Keys:
    """The two SRTP sessions of a finished handshake.

    ``outgoing`` and ``incoming`` are the C handles for ``srtp_protect`` and ``srtp_unprotect``;
    they live as long as this object.
    """

    def __init__(self, dtls: RTCDtlsTransport) -> None:
        self._tx: Session = dtls._tx_srtp
        self._rx: Session = dtls._rx_srtp
        self.outgoing = self._tx._srtp[0]
        self.incoming = self._rx._srtp[0]

    def protect_rtcp(self, data: bytes) -> bytes:
        """Encrypt; raises ValueError."""
        try:
            return bytes(self._tx.protect_rtcp(data))
        except SrtpError as error:
            raise ValueError(str(error)) from None

    def unprotect_rtcp(self, data: bytes) -> bytes:
        """Check and decrypt; raises ValueError."""
        try:
            return bytes(self._rx.unprotect_rtcp(data))
        except SrtpError as error:
            raise ValueError(str(error)) from None


class Ice:
    """aioice's agent on sockets that it shares with other agents.

    It controls, since the node always offers. Remote candidates are never declared complete:
    browsers hide theirs behind mDNS names, and whoever knocks with the right password is learned
    as peer-reflexive (RFC 8445 §7.3.1.3); the caller sets the time limit.
    """

    def __init__(self, doors: Sequence[Door], expect: Callable[[Address], None]) -> None:
        """``expect`` hears of every address before something is sent to it."""
        self._doors = doors
        self._expect = expect
        self._protocols: dict[Door, StunProtocol] = {}
        self.gatherer = RTCIceGatherer(iceServers=[])
        self._connection: Connection = self.gatherer._connection
        self._connection.ice_controlling = True
        setattr(self._connection, "get_component_candidates", self._candidates)  # noqa: B010
        self.transport = RTCIceTransport(self.gatherer)

    async def _candidates(
        self,
        component: int,
        addresses: list[str],
        timeout: int = 5,  # noqa: ASYNC109
    ) -> list[Candidate]:
        for door in self._doors:
            protocol = StunProtocol(self._connection)
            protocol.transport = _DoorTransport(door, protocol, self._expect)
            protocol.local_candidate = _host_candidate(door, component)
            self._connection._protocols.append(protocol)
            self._protocols[door] = protocol
        return [protocol.local_candidate for protocol in self._protocols.values()]

    @property
    def password(self) -> str:
        """The local password, with which checks from the other side are signed."""
        return self._connection.local_password

    def check_arrived(self, message: stun.Message, address: Address, door: Door) -> None:
        """Answer a binding request whose signature was already found good."""
        protocol = self._protocols.get(door)
        if protocol is not None and "PRIORITY" in message.attributes:
            self._connection.request_received(message, address, protocol)

    def answer_arrived(self, message: stun.Message, address: Address, door: Door) -> None:
        """Hand a binding response to the check that waits for it."""
        protocol = self._protocols.get(door)
        waiting = protocol and protocol.transactions.get(message.transaction_id)
        if waiting:
            waiting.response_received(message, address)

    def record_arrived(self, data: bytes) -> bool:
        """Queue a DTLS record for the handshake; False when the queue is full."""
        if self._connection._queue.qsize() >= MAX_WAITING_RECORDS:
            return False
        self._connection.data_received(data, COMPONENT)
        return True

    def route(self) -> tuple[Door, Address] | None:
        """Where packets for the other side go now, or None before ICE has decided."""
        pair = self._connection._nominated.get(COMPONENT)
        if pair is None:
            return None
        for door, protocol in self._protocols.items():
            if protocol is pair.protocol:
                return door, pair.remote_addr
        return None


class _DoorTransport(asyncio.DatagramTransport):
    """What aioice takes for its own socket."""

    def __init__(
        self, door: Door, protocol: StunProtocol, expect: Callable[[Address], None]
    ) -> None:
        super().__init__()
        self._door, self._protocol, self._expect = door, protocol, expect

    def sendto(self, data: Any, addr: Any = None) -> None:
        self._expect(addr)
        self._door.send(data, addr)

    def close(self) -> None:
        asyncio.get_running_loop().call_soon(self._protocol.connection_lost, None)


def _host_candidate(door: Door, component: int) -> Candidate:
    host, port = door.announced
    return Candidate(
        foundation=candidate_foundation("host", "udp", host),
        component=component,
        transport="udp",
        priority=candidate_priority(component, "host"),
        host=host,
        port=port,
        type="host",
    )


def parse_stun(data: bytes) -> stun.Message:
    """The STUN message in ``data``; raises ValueError for anything else."""
    try:
        return stun.parse_message(data)
    except struct.error as error:
        raise ValueError(str(error)) from None


def dtls_transport(
    ice: Ice, certificate: RTCCertificate, *, remote_is_client: bool
) -> RTCDtlsTransport:
    """A DTLS transport that takes the role which the answer left to us."""
    dtls = RTCDtlsTransport(ice.transport, [certificate])
    dtls._set_role("server" if remote_is_client else "client")
    return dtls


async def shake_hands(dtls: RTCDtlsTransport, remote: RTCDtlsParameters) -> Keys | None:
    """Run the handshake; the keys, or None when it failed."""
    await dtls.start(remote)
    return Keys(dtls) if dtls.state == "connected" else None


def also_gather_on(gatherer: RTCIceGatherer, more: Sequence[str]) -> None:
    """Let a client's gatherer use the addresses ``more`` too; aioice leaves loopback out."""
    if gatherer.state != "new":
        return
    connection = gatherer._connection
    stock = connection.get_component_candidates

    async def gather(
        component: int,
        addresses: list[str],
        timeout: int = 5,  # noqa: ASYNC109
    ) -> list[Candidate]:
        every = [*addresses, *(address for address in more if address not in addresses)]
        return await stock(component, every, timeout)

    setattr(connection, "get_component_candidates", gather)  # noqa: B010


async def send_encoded(dtls: RTCDtlsTransport, packet: bytes) -> None:
    """Send an RTP or RTCP packet of one's own making over a client's transport (benchmarks)."""
    await dtls._send_rtp(packet)
