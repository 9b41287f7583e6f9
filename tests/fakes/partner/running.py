"""The hospital in a thread of this process, behind a real port."""

import asyncio
import socket
import threading
from types import TracebackType
from typing import Any, Self

import httpx
import uvicorn
from joserfc.jwk import ECKey

from tests.fakes.partner.app import App
from tests.fakes.partner.home import Home
from tests.fakes.partner.hospital import Hospital


class RunningHospital:
    """Serves from ``with`` on. ``jwks`` is what the service must know of its client ``hospital``.

    ``home`` is the service's address; ``home_jwks`` its public keys, else they are fetched there.
    """

    def __init__(self, home: str, *, home_jwks: Any = None, auto: str = "manual") -> None:
        key = ECKey.generate_key("P-384")
        kid = key.thumbprint()
        public = {**key.as_dict(private=False), "kid": kid, "use": "sig", "alg": "ES384"}
        self.jwks: dict[str, Any] = {"keys": [public]}
        self.hospital = Hospital(
            Home(
                home,
                client_id="hospital",
                key=key,
                kid=kid,
                algorithm="ES384",
                jwks=home_jwks,
            ),
            auto=auto,
        )
        # Listening before it serves: whoever connects early waits a moment and is not refused.
        self._door = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._door.getsockname()[1]}"
        config = uvicorn.Config(App(self.hospital), log_level="warning", lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._door]}, daemon=True
        )

    @property
    def fhir_base(self) -> str:
        """Where the service sends to."""
        return f"{self.url}/fhir"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Be gone; may be called twice."""
        self._server.should_exit = self._server.force_exit = True
        if self._thread.is_alive():
            self._thread.join(10)
        self._door.close()

    def settle(self) -> None:
        """Wait until the desk has done what it does by itself."""
        asyncio.run_coroutine_threadsafe(self.hospital.settled(), self.hospital.loop).result(30)

    def press(self, move: str, *, reason: str = "no-capacity") -> httpx.Response:
        """Press a button of the newest referral on the desk's page."""
        task = self.hospital.chart.of_kind("Task")[-1]["id"]
        form = {"task": task, "move": move, "reason": reason}
        return httpx.post(f"{self.url}/desk", data=form, trust_env=False, timeout=30)
