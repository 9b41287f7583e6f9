"""The sandbox on a port: in a thread of this process."""

import socket
import threading
from types import TracebackType

import uvicorn

from tests.fakes.gateway.app import Gateway

STARTS_WITHIN = 10.0


def free_port() -> int:
    """A TCP port of the loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class _Server(uvicorn.Server):
    """Says when it is ready."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


class Running:
    """``with Running(gateway, port): ...``: serves in a thread; leaving stops it."""

    def __init__(self, gateway: Gateway, port: int) -> None:
        self.gateway = gateway
        config = uvicorn.Config(
            gateway, host="127.0.0.1", port=port, log_level="warning", access_log=False
        )
        self._server = _Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> Gateway:
        self._thread.start()
        if not self._server.ready.wait(STARTS_WITHIN):
            raise RuntimeError("the sandbox gateway did not start")
        return self.gateway

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.should_exit = True
        self._thread.join(STARTS_WITHIN)
