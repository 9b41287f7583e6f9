"""A partner's JWKS address that really answers."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any


class KeyServer:
    """Serves ``keys`` with ``status``, and counts how often it was ``asked``."""

    def __init__(self) -> None:
        self.keys: dict[str, Any] = {"keys": []}
        self.asked = 0
        self.status = 200
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked += 1
                body = json.dumps(outer.keys).encode()
                self.send_response(outer.status)
                self.send_header("Location", "/elsewhere")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: Any) -> None:
                return

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://localhost:{self._server.server_port}/jwks.json"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
