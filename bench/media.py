"""Media: CPU microseconds of the node per packet that it forwards, in full rooms.

The node runs in a process of its own (``tests.signaling.load``); synthetic participants here send
packets of the sizes and rates of a 640x480 call through real ICE, DTLS and SRTP and throw away
what they receive. ``times_floor`` is the same cost as a multiple of encrypting and sending one
such packet, measured in the same process and run, so it does not depend on the machine.
"""

import asyncio
import json
import random
import statistics
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from aiortc import RTCCertificate, RTCDtlsTransport, RTCIceGatherer, RTCIceTransport
from aiortc.sdp import SessionDescription

from signaling import protocol
from signaling.media.compat import also_gather_on, send_encoded
from signaling.media.rtp import sequence_timestamp_ssrc
from signaling.media.sdp import PAYLOAD_TYPE, Kind

ROOT = Path(__file__).resolve().parent.parent
SIZE = 6
VIDEO_EVERY, VIDEO_BYTES = 0.010, 1100
AUDIO_EVERY, AUDIO_BYTES = 0.020, 100
FLOOR_PACKETS = 20_000
GOALS = {
    "forward_cpu_us_per_packet": (35.0, "us"),
    "times_floor": (4.0, "x"),
    "lost_share": (0.001, ""),
}
CERTIFICATE = RTCCertificate.generateCertificate()


def run(*, quick: bool) -> dict[str, dict[str, Any]]:
    """Measure; each figure with its goal (lower is better)."""
    rounds, seconds = (1, 8.0) if quick else (3, 20.0)
    found = [asyncio.run(_round(seconds)) for _ in range(rounds)]
    return {name: _figure(name, statistics.median(each[name] for each in found)) for name in GOALS}


def _figure(name: str, value: float) -> dict[str, Any]:
    goal, unit = GOALS[name]
    rounded = round(value, 4 if goal < 1 else 2)
    return {
        **{"value": rounded, "goal": goal, "unit": unit, "better": "lower"},
        "holds": rounded <= goal,
    }


async def _round(seconds: float) -> dict[str, float]:
    async with _node() as node:
        people = [Person(node, f"p{number}") for number in range(SIZE)]
        for person in people:
            node.send({"do": "join", "session": person.name, "room": "bench"})
        async with asyncio.timeout(30):
            await asyncio.gather(*(person.ready.wait() for person in people))
        sending = [asyncio.create_task(person.talk()) for person in people]
        await asyncio.sleep(2.0)
        before = await node.ask({"do": "measure"})
        await asyncio.sleep(seconds)
        after = await node.ask({"do": "measure"})
        for task in sending:
            task.cancel()
        floor = (await node.ask({"do": "floor", "packets": FLOOR_PACKETS}))["floor"]
        for person in people:
            await person.close()
    return _costs(before, after, floor / FLOOR_PACKETS)


def _costs(before: dict[str, float], after: dict[str, float], floor: float) -> dict[str, float]:
    spent = {name: after[name] - before[name] for name in after}
    each = spent["cpu"] / spent["packets_out"]
    due = spent["packets_in"] * (SIZE - 1)
    return {
        "forward_cpu_us_per_packet": each * 1e6,
        "times_floor": each / floor,
        "lost_share": max(0.0, 1 - spent["packets_out"] / due),
    }


class Remote:
    """The node's process, and what it says to whom."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._answers: asyncio.Queue[dict[str, float]] = asyncio.Queue()
        self.people: dict[str, Person] = {}

    def send(self, command: dict[str, Any]) -> None:
        """One command."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")

    async def ask(self, command: dict[str, Any]) -> dict[str, float]:
        """One command that is answered."""
        self.send(command)
        return await self._answers.get()

    async def read(self) -> None:
        """Deliver what the node says."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            said = json.loads(line)
            if "raw" in said:
                self.people[said["session"]].hear(protocol.parse_server(said["raw"]))
            elif "session" not in said:
                self._answers.put_nowait(said)


@asynccontextmanager
async def _node() -> AsyncIterator[Remote]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.signaling.load"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
        limit=1 << 20,
    )
    remote = Remote(process)
    reading = asyncio.create_task(remote.read())
    try:
        yield remote
    finally:
        assert process.stdin is not None
        process.stdin.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), 10)
        if process.returncode is None:
            process.kill()
        reading.cancel()


class Person:
    """A participant that neither encodes nor decodes.

    ``ready`` is set when their own transport stands and they receive everybody else.
    """

    def __init__(self, node: Remote, name: str) -> None:
        self.name = name
        self.ready = asyncio.Event()
        self._node = node
        self._ways: dict[str, tuple[RTCIceTransport, RTCDtlsTransport]] = {}
        self._ssrcs = {"audio": random.randrange(1, 1 << 31), "video": random.randrange(1, 1 << 31)}
        self._work: set[asyncio.Task[None]] = set()
        node.people[name] = self

    def hear(self, message: protocol.ServerMessage) -> None:
        """Answer offers."""
        if isinstance(message, protocol.Offer):
            task = asyncio.create_task(self._answer(message))
            self._work.add(task)
            task.add_done_callback(self._work.discard)

    async def _answer(self, offer: protocol.Offer) -> None:
        description = SessionDescription.parse(offer.sdp)
        media = description.media[0]
        fresh = offer.way not in self._ways
        if fresh:
            gatherer = RTCIceGatherer(iceServers=[])
            also_gather_on(gatherer, ["127.0.0.1"])
            await gatherer.gather()
            ice = RTCIceTransport(gatherer)
            self._ways[offer.way] = ice, RTCDtlsTransport(ice, [CERTIFICATE])
        ice, dtls = self._ways[offer.way]
        text = self._describe(offer.way, description, ice)
        answer = protocol.Answer(offer.way, offer.revision, text)
        self._node.send({"do": "message", "session": self.name, "raw": protocol.dump(answer)})
        if fresh:
            for candidate in media.ice_candidates:
                await ice.addRemoteCandidate(candidate)
            await ice.addRemoteCandidate(None)
            assert media.ice is not None
            assert media.dtls is not None
            await ice.start(media.ice)
            await dtls.start(media.dtls)
        if offer.way == "subscribe" and len(offer.sources) == 2 * (SIZE - 1):
            self.ready.set()

    def _describe(self, way: str, offer: SessionDescription, ice: RTCIceTransport) -> str:
        own = ice.iceGatherer.getLocalParameters()
        fingerprint = CERTIFICATE.getFingerprints()[0]
        lines = ["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0"]
        for media in offer.media:
            lines += [
                f"m={media.kind} 9 UDP/TLS/RTP/SAVPF {media.fmt[0]}",
                f"a=mid:{media.rtp.muxId}",
                f"a=ice-ufrag:{own.usernameFragment}",
                f"a=ice-pwd:{own.password}",
                f"a=fingerprint:{fingerprint.algorithm} {fingerprint.value}",
                "a=setup:active",
                "a=sendonly" if way == "publish" else "a=recvonly",
            ]
            if way == "publish":
                lines.append(f"a=ssrc:{self._ssrcs[media.kind]} cname:{self.name}")
        return "\r\n".join(lines) + "\r\n"

    async def talk(self) -> None:
        """Send sound and picture, evenly, until cancelled."""
        _ice, dtls = self._ways["publish"]
        await asyncio.gather(
            self._stream(dtls, "video", VIDEO_EVERY, VIDEO_BYTES),
            self._stream(dtls, "audio", AUDIO_EVERY, AUDIO_BYTES),
        )

    async def _stream(self, dtls: RTCDtlsTransport, kind: Kind, every: float, size: int) -> None:
        packet = bytearray(bytes([0x80, PAYLOAD_TYPE[kind]]) + bytes(size - 2))
        loop = asyncio.get_running_loop()
        due, number = loop.time(), 0
        while True:
            sequence_timestamp_ssrc.pack_into(
                packet, 2, number & 0xFFFF, number * 900 & 0xFFFFFFFF, self._ssrcs[kind]
            )
            await send_encoded(dtls, bytes(packet))
            number += 1
            due += every
            await asyncio.sleep(max(0.0, due - loop.time()))

    async def close(self) -> None:
        """Leave."""
        for ice, dtls in self._ways.values():
            await dtls.stop()
            await ice.stop()
