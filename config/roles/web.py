"""Pages, FHIR and sockets."""

import argparse
import asyncio
import contextlib
import signal
import socket
from collections.abc import Iterator

import uvicorn

from config.asgi import application
from signaling import services as signaling

GRACE_SECONDS = 8
LARGEST_MESSAGE = 262_144  # bytes on a socket; an SDP offer of six people is about 20,000


class Server(uvicorn.Server):
    """uvicorn that returns from ``serve`` on a signal, so that what it runs beside can be stopped.

    The stock server raises the signal anew once it has finished, and code after it never runs.
    """

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGINT and SIGTERM ask the server to end."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


def server(options: argparse.Namespace) -> Server:
    """The server of this process, not yet serving."""
    return Server(
        uvicorn.Config(
            application,
            host=options.host,
            port=options.port,
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            ws_max_size=LARGEST_MESSAGE,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    )


def run(options: argparse.Namespace) -> None:
    """Serve until a signal."""
    asyncio.run(_run(options))


async def _run(options: argparse.Namespace) -> None:
    try:
        await server(options).serve([_shared_socket(options)] if options.reuse_port else None)
    finally:
        await signaling.stop_media()


def _shared_socket(options: argparse.Namespace) -> socket.socket:
    """A socket whose port several processes listen on; the system spreads connections."""
    shared = socket.socket(socket.AF_INET6 if ":" in options.host else socket.AF_INET)
    shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    shared.bind((options.host, options.port))
    return shared
