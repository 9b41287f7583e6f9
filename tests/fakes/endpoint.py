"""Where a partner hospital takes notifications: a real HTTP server in a thread."""

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True)
class Message:
    """One request that came."""

    method: str
    path: str
    headers: dict[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.content)

    @property
    def said(self) -> dict[str, str]:
        """The plain values of the status, by name."""
        rows = self.body["entry"][0]["resource"]["parameter"]
        return {row["name"]: _value(row) for row in rows if "part" not in row}

    @property
    def events(self) -> list[dict[str, str]]:
        """The notification-events, each by the names of its parts."""
        rows = self.body["entry"][0]["resource"]["parameter"]
        return [
            {part["name"]: _value(part) for part in row["part"]} for row in rows if "part" in row
        ]

    @property
    def numbers(self) -> list[int]:
        return [int(event["event-number"]) for event in self.events]


def _value(row: dict[str, Any]) -> Any:
    value = next(value for name, value in row.items() if name.startswith("value"))
    return value["reference"] if isinstance(value, dict) else value


class Endpoint:
    """Answers 200, or what ``answers`` says for the next requests, or nothing while ``deaf``."""

    def __init__(self) -> None:
        self.came: list[Message] = []
        self.answers: list[int] = []
        self.deaf = threading.Event()
        self.awake = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                message = Message(self.command, self.path, dict(self.headers), content)
                outer.came.append(message)
                if outer.deaf.is_set():
                    outer.awake.wait(30)
                self.send_response(outer.answers.pop(0) if outer.answers else 200)
                self.send_header("Content-Length", "0")
                self.send_header("Location", "/elsewhere")
                self.end_headers()

            do_PUT = do_POST  # noqa: N815  the base class calls it so

            def log_message(self, *_args: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def taken(self) -> Sequence[Message]:
        """What came since the last look."""
        came, self.came = self.came, []
        return came

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.awake.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
