"""The node's UDP sockets, and one encrypted transport of one participant on top of them."""

import asyncio
import logging
import socket
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Literal

from aioice import stun
from aiortc import RTCCertificate, RTCDtlsTransport, RTCIceCandidate, RTCIceParameters

from signaling.media.compat import (
    Address,
    Buffer,
    Ice,
    Keys,
    dtls_transport,
    parse_stun,
    shake_hands,
    srtp_unprotect,
)
from signaling.media.sdp import Answer
from signaling.media.stats import Counters

log = logging.getLogger(__name__)

MAX_DATAGRAM = 2048
BURST = 64
SOCKET_BUFFER = 4 * 1024 * 1024
MAX_ADDRESSES = 32
MAX_CANDIDATES = 16
CONNECTS_WITHIN = 15.0

State = Literal["new", "connecting", "connected", "closed"]


class UdpDoor:
    """One socket, bound for one announced address and shared by every transport of the node.

    An address that this machine does not have (it is translated on the way) is announced all the
    same, and the socket listens on every address of its family.
    Raises OSError when no port of ``ports`` is free.
    """

    def __init__(self, mux: "UdpMux", announce: str, ports: Iterable[int]) -> None:
        self._mux = mux
        self._stats = mux.stats
        self._v6 = ":" in announce
        self.socket = _bind(announce, ports, self._v6)
        self.announced: Address = (announce, self.socket.getsockname()[1])
        self.send_to: Callable[[Any, Address], int] = self.socket.sendto

    def send(self, data: bytes, address: Address) -> None:
        """Send one datagram; what the kernel will not take is counted and lost."""
        try:
            self.send_to(data, address)
        except BlockingIOError:
            self._stats.out_of_buffer += 1
        except OSError:
            self._stats.send_failed += 1

    def readable(self) -> None:
        """Take what has arrived: media straight to its transport, the rest by its first byte."""
        mux = self._mux
        view, routes = mux.buffer.view, mux.routes
        receive = self.socket.recvfrom_into
        for _ in range(BURST):
            try:
                size, address = receive(view)
            except BlockingIOError:
                return
            except OSError:  # an ICMP answer to something sent earlier
                continue
            if self._v6:
                address = address[:2]
            # RFC 7983 §7: 128-191 is RTP or RTCP, 20-63 DTLS, 0-3 STUN.
            if 127 < view[0] < 192 and 12 <= size < MAX_DATAGRAM:
                transport = routes.get(address)
                if transport is None:
                    self._stats.unrouted += 1
                else:
                    transport.media_arrived(size)
            elif size:
                mux.control_arrived(bytes(view[:size]), address, self)

    def close(self) -> None:
        """Stop reading; may be called twice."""
        if self.socket.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self.socket.fileno())
            self.socket.close()


def _bind(announce: str, ports: Iterable[int], v6: bool) -> socket.socket:
    failed: OSError | None = None
    for host in (announce, "::" if v6 else "0.0.0.0"):  # noqa: S104 - see UdpDoor
        for port in ports:
            bound = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM)
            try:
                bound.bind((host, port))
            except OSError as error:
                failed = error
                bound.close()
                continue
            bound.setblocking(False)
            for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
                bound.setsockopt(socket.SOL_SOCKET, option, SOCKET_BUFFER)
            return bound
    raise failed or OSError("no port to bind")


class UdpMux:
    """Sorts datagrams to transports: by the ICE user name first, by the sender's address then."""

    def __init__(self, stats: Counters) -> None:
        self.stats = stats
        self.buffer = Buffer(MAX_DATAGRAM)
        self.doors: list[UdpDoor] = []
        self.routes: dict[Address, MediaTransport] = {}
        self._by_user: dict[str, MediaTransport] = {}
        self._background: set[asyncio.Task[None]] = set()

    def open(self, addresses: Iterable[str], ports: tuple[int, int] | None) -> None:
        """Bind one socket per address, on the first free port of ``ports`` (any when None).

        Raises OSError when none is free; then nothing stays open.
        """
        candidates = range(ports[0], ports[1] + 1) if ports else range(1)
        loop = asyncio.get_running_loop()
        try:
            for address in addresses:
                door = UdpDoor(self, address, candidates)
                self.doors.append(door)
                loop.add_reader(door.socket.fileno(), door.readable)
        except OSError:
            self._close_doors()
            raise

    def attach(self, user: str, transport: "MediaTransport") -> None:
        """Let checks for ``user`` reach the transport."""
        self._by_user[user] = transport

    def detach(self, user: str, transport: "MediaTransport") -> None:
        """Forget the transport and every address it was reached from."""
        self._by_user.pop(user, None)
        for address in transport.addresses:
            if self.routes.get(address) is transport:
                del self.routes[address]
        transport.addresses.clear()

    def expect(self, address: Address, transport: "MediaTransport") -> None:
        """Something goes to ``address``: the answer is for ``transport``, unless another has it."""
        if address not in self.routes:
            self._learn(address, transport)

    def _learn(self, address: Address, transport: "MediaTransport") -> None:
        if self.routes.get(address) is not transport and len(transport.addresses) < MAX_ADDRESSES:
            self.routes[address] = transport
            transport.addresses.add(address)

    def control_arrived(self, data: bytes, address: Address, door: UdpDoor) -> None:
        """A datagram that is not media."""
        if data[0] > 3:
            transport = self.routes.get(address)
            if transport is None:
                self.stats.unrouted += 1
            else:
                transport.record_arrived(data)
            return
        try:
            message = parse_stun(data)
        except ValueError:
            self.stats.malformed += 1
            return
        if message.message_class == stun.Class.REQUEST:
            self._check_arrived(message, address, door)
        elif address in self.routes:
            self.routes[address].ice.answer_arrived(message, address, door)

    def _check_arrived(self, message: stun.Message, address: Address, door: UdpDoor) -> None:
        user = str(message.attributes.get("USERNAME", "")).partition(":")[0]
        transport = self._by_user.get(user)
        # Strangers get no answer at all: an error response would serve to find open ports.
        if transport is None or not message.check_message_integrity(
            transport.ice.password.encode()
        ):
            self.stats.stun_refused += 1
            return
        self._learn(address, transport)
        transport.ice.check_arrived(message, address, door)

    def keep(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run ``work`` to its end, even past the life of whoever started it."""
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("work in the background failed", exc_info=error)

    async def close(self) -> None:
        """Let transports say goodbye, then close the sockets; may be called twice."""
        while self._background:
            await asyncio.gather(*self._background, return_exceptions=True)
        self._close_doors()

    def _close_doors(self) -> None:
        for door in self.doors:
            door.close()
        self.doors.clear()


class MediaTransport:
    """ICE, DTLS and SRTP of one direction of one participant.

    new -> connecting -> connected -> closed. ``on_rtp`` gets decrypted packets as bytearrays,
    ``on_rtcp`` compound packets; ``on_state`` every change of state. A transport that could not
    connect, lost its line or was left by the other side is closed, for good.
    """

    def __init__(
        self,
        mux: UdpMux,
        certificate: RTCCertificate,
        *,
        on_rtp: Callable[[bytearray], None],
        on_rtcp: Callable[[bytes], None],
        on_state: Callable[[State], None],
    ) -> None:
        self._mux = mux
        self._stats = mux.stats
        self._certificate = certificate
        self._on_rtp, self._on_rtcp, self._on_state = on_rtp, on_rtcp, on_state
        self._dtls: RTCDtlsTransport | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._candidates = 0
        self.state: State = "new"
        self.ice = Ice(mux.doors, lambda address: mux.expect(address, self))
        self.keys: Keys | None = None
        self.addresses: set[Address] = set()
        self.route: tuple[Callable[[Any, Address], int], Address] | None = None

    async def gather(self) -> None:
        """Make the local candidates ready; comes before ``local`` and ``connect``."""
        await self.ice.gatherer.gather()
        self._mux.attach(self._user, self)

    @property
    def local(self) -> RTCIceParameters:
        """User name fragment and password of this side."""
        return self.ice.gatherer.getLocalParameters()

    @property
    def candidates(self) -> list[RTCIceCandidate]:
        """Where this side can be reached."""
        return self.ice.gatherer.getLocalCandidates()

    @property
    def _user(self) -> str:
        return str(self.local.usernameFragment)

    def begin(self, answer: Answer) -> None:
        """Connect to whoever answered, in the background."""
        if self.state == "new":
            self._set_state("connecting")
            self._connecting = self._mux.keep(self._connect(answer))

    async def _connect(self, answer: Answer) -> None:
        try:
            async with asyncio.timeout(CONNECTS_WITHIN):
                keys = await self._negotiate(answer)
            if keys is not None and self.state == "connecting":
                self.keys = keys
                self.follow_route()
                self._set_state("connected")
        except TimeoutError:
            log.info("a transport did not connect within %s s", CONNECTS_WITHIN)
        finally:
            if self.state == "connecting":
                self.close()

    async def _negotiate(self, answer: Answer) -> Keys | None:
        for candidate in answer.candidates:
            await self.add_candidate(candidate)
        await self.ice.transport.start(answer.ice)
        if self.ice.transport.state != "completed":
            return None
        self.ice.transport.on("statechange", self._ice_changed)
        self._dtls = dtls_transport(
            self.ice, self._certificate, remote_is_client=answer.dtls.role == "client"
        )
        self._dtls.on("statechange", self._dtls_changed)
        return await shake_hands(self._dtls, answer.dtls)

    async def add_candidate(self, candidate: RTCIceCandidate) -> None:
        """Check this address of the other side too; beyond a few they are ignored."""
        if self.state != "closed" and self._candidates < MAX_CANDIDATES:
            self._candidates += 1
            await self.ice.transport.addRemoteCandidate(candidate)

    def _ice_changed(self) -> None:
        if self.ice.transport.state in ("failed", "closed"):
            self.close()

    def _dtls_changed(self) -> None:
        if self._dtls is not None and self._dtls.state in ("failed", "closed"):
            self.close()

    def follow_route(self) -> bool:
        """Adopt the pair that ICE prefers now; True when it changed (Wi-Fi to 5G)."""
        found = self.ice.route()
        if found is None:
            return False
        door, address = found
        route = (door.send_to, address)
        if route == self.route:
            return False
        self.route = route
        return True

    def media_arrived(self, size: int) -> None:
        """An encrypted packet of ``size`` bytes lies in the mux's buffer."""
        keys = self.keys
        if keys is None:
            self._stats.unrouted += 1
            return
        buffer = self._mux.buffer
        # RFC 5761 §4: RTCP types sit where RTP has marker and payload type 64-95.
        if 192 <= buffer.view[1] < 224:
            self._rtcp_arrived(keys, bytes(buffer.view[:size]))
            return
        buffer.length[0] = size
        if srtp_unprotect(keys.incoming, buffer.data, buffer.length):
            self._stats.unprotect_failed += 1
            return
        self._on_rtp(bytearray(buffer.view[: buffer.length[0]]))

    def _rtcp_arrived(self, keys: Keys, data: bytes) -> None:
        try:
            self._on_rtcp(keys.unprotect_rtcp(data))
        except ValueError:
            self._stats.malformed += 1

    def record_arrived(self, data: bytes) -> None:
        """A DTLS record."""
        if not self.ice.record_arrived(data):
            self._stats.dtls_overflow += 1

    def send_rtcp(self, data: bytes) -> None:
        """Encrypt and send a compound packet; silently nothing unless connected."""
        if self.keys is None or self.route is None or self.state != "connected":
            return
        send, address = self.route
        try:
            send(self.keys.protect_rtcp(data), address)
        except BlockingIOError:
            self._stats.out_of_buffer += 1
        except (OSError, ValueError):
            self._stats.send_failed += 1

    def close(self) -> None:
        """Stop at once; goodbyes are said in the background. May be called twice."""
        if self.state == "closed":
            return
        self._mux.detach(self._user, self)
        self._set_state("closed")
        self._mux.keep(self._say_goodbye())

    async def _say_goodbye(self) -> None:
        if self._connecting is not None and self._connecting is not asyncio.current_task():
            self._connecting.cancel()
            await asyncio.wait([self._connecting])
        if self._dtls is not None:
            await self._dtls.stop()
        await self.ice.transport.stop()

    def _set_state(self, state: State) -> None:
        self.state = state
        self._on_state(state)
