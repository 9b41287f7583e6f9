"""What stands before every door: requests that no room of the house can mean."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Door = Callable[[Message, Receive, Send], Awaitable[None]]

# PostgreSQL takes no NUL in a text, not even to look for it: what holds one can be nobody's name.
NUL = "\0"
NUL_IN_A_COOKIE = b"\\000"
NOWHERE = 4404
FOREIGN = 4403


class Gate:
    """ASGI: refuses addresses and cookies with a NUL before any room looks them up."""

    def __init__(self, inside: Door) -> None:
        self._inside = inside

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Let pass, or answer 400 (403 where a socket was asked for)."""
        if not _holds_nul(scope):
            await self._inside(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 4400})
        else:
            start = {"type": "http.response.start", "status": 400, "headers": []}
            await send(start)
            await send({"type": "http.response.body", "body": b""})


class PlainForms:
    """Middleware: refuses forms and query strings with a NUL (status 400)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Django's middleware protocol."""
        for given in (request.GET, request.POST):
            if any(NUL in value for values in given.lists() for value in (values[0], *values[1])):
                raise BadRequest("a value holds a control character")
        return self.get_response(request)


class OwnOrigin:
    """ASGI, for sockets: the page that opens one must be ours, down to the port.

    Cookies are the same for every port of a host, so the host alone proves nothing.
    """

    def __init__(self, inside: Door) -> None:
        self._inside = inside

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Let in, or close."""
        headers = dict(scope["headers"])
        origin = headers.get(b"origin", b"").decode("latin-1")
        host = headers.get(b"host", b"").decode("latin-1")
        scheme = urlsplit(settings.PUBLIC_URL).scheme
        if origin in (settings.PUBLIC_URL, f"{scheme}://{host}"):
            await self._inside(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": FOREIGN})


async def nowhere(scope: Message, receive: Receive, send: Send) -> None:
    """The socket's answer where there is nothing: closed, and nothing logged."""
    await send({"type": "websocket.close", "code": NOWHERE})


def _holds_nul(scope: Message) -> bool:
    if scope["type"] not in ("http", "websocket"):
        return False
    cookies = (value for name, value in scope["headers"] if name == b"cookie")
    return NUL in scope["path"] or any(NUL_IN_A_COOKIE in value for value in cookies)
