"""A media node in a process of its own for the benchmark: commands in, messages out, one a line.

{"do": "join", "session": s, "room": r}   {"do": "message", "session": s, "raw": ...}
{"do": "measure"}  answers with the CPU seconds used so far and the node's counters
{"do": "floor", "packets": n}  answers with CPU seconds for n times encrypting and sending
"""

import asyncio
import json
import socket
import sys
import time
from typing import Any

from pylibsrtp import Policy, Session

from signaling import protocol
from signaling.media.compat import Buffer, srtp_protect
from signaling.media.node import Node
from signaling.media.peer import Entrant, Peer

FLOOR_SIZE = 1100


class Line:
    """The way back to one participant."""

    def __init__(self, session: str) -> None:
        self._session = session

    def say(self, message: protocol.ServerMessage) -> None:
        write({"session": self._session, "raw": protocol.dump(message)})

    def present(self, present: bool) -> None:
        write({"session": self._session, "present": present})


def write(what: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def floor(packets: int) -> float:
    """CPU seconds for what no forwarding can do without: encrypt and send each packet."""
    session = Session(Policy(key=bytes(30), ssrc_type=Policy.SSRC_ANY_OUTBOUND))
    buffer, handle = Buffer(2048), session._srtp[0]
    packet = bytearray(b"\x80\x60\0\0\0\0\0\0\0\0\0\7" + bytes(FLOOR_SIZE - 12))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink, sink.dup() as source:
        sink.bind(("127.0.0.1", 0))
        address, send = sink.getsockname(), source.sendto
        began = time.process_time()
        for number in range(packets):
            packet[2:4] = (number & 0xFFFF).to_bytes(2, "big")
            buffer.view[:FLOOR_SIZE] = packet
            buffer.length[0] = FLOOR_SIZE
            srtp_protect(handle, buffer.data, buffer.length)
            send(buffer.view[: buffer.length[0]], address)
        return time.process_time() - began


async def main() -> None:
    node = Node(addresses=["127.0.0.1"])
    await node.start()
    reader = asyncio.StreamReader(limit=1 << 20)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    peers: dict[str, Peer | None] = {}
    while line := await reader.readline():
        command = json.loads(line)
        if command["do"] == "join":
            session = command["session"]
            entrant = Entrant(session, session, "host")
            peers[session] = node.join(command["room"], entrant, Line(session))
        elif command["do"] == "message":
            peer = peers[command["session"]]
            assert peer is not None
            peer.receive(protocol.parse_client(command["raw"]))
        elif command["do"] == "floor":
            write({"floor": floor(command["packets"])})
        else:
            write({"cpu": time.process_time(), **node.stats.as_dict()})
    await node.close()


if __name__ == "__main__":
    asyncio.run(main())
