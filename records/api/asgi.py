"""/fhir as an ASGI application of its own: one hop to a thread and back.

Django's handler takes three hops, a new thread and a round trip to check the connection for each
request; measured, that is more than the request itself. ``entrance.fhir`` is the same either way.
"""

import asyncio
import contextlib
import select
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from records import outcomes
from records.api import wire
from records.api.entrance import fhir

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
PREFIX = "/fhir"
THREADS = 8
MOST_WAITING = 256
# A Bundle of thousands needs ten times its size while it is carried out: one at a time.
LARGE = 4 * 1024 * 1024
MOST_BODIES = 4
"""Bodies of the largest size that are in memory at most."""


BODY_SECONDS = 120
DRAIN_SECONDS = 0.5
MOST_HEADERS = 200


class Request(ASGIRequest):
    """A request whose body is here already; its size was the door's business."""

    def __init__(self, scope: Scope, body: bytes) -> None:
        super().__init__(scope, BytesIO(body))
        self._body = body


class FhirDoor:
    """Answers requests under /fhir on threads that keep their database connection."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="fhir")
        self._held: set[BaseDatabaseWrapper] = set()
        self._waiting = 0
        self._large = asyncio.Semaphore()
        self._bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        body = _Body()
        try:
            refusal = _fault(scope) or await self._take(body, receive)
            if refusal:
                await _drain(receive)
                refusal["Connection"] = "close"
            response = refusal or await self._answer(scope, body)
            try:
                await _send(response, receive, send, empty=scope["method"] == "HEAD")
            finally:
                response.close()
        finally:
            self._bytes -= body.size

    async def _take(self, body: "_Body", receive: Receive) -> HttpResponse | None:
        """Receive the whole body, or refuse it."""
        try:
            async with asyncio.timeout(BODY_SECONDS):
                refusal = await self._receive(body, receive)
        except TimeoutError:
            refusal = _refusal(408, "timeout", f"a body comes within {BODY_SECONDS} seconds")
        if refusal:
            self._bytes -= body.drop()
        return refusal

    async def _receive(self, body: "_Body", receive: Receive) -> HttpResponse | None:
        most, more = settings.FHIR_MOST_BYTES, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return _refusal(400, "incomplete", "the body was cut off")
            part, more = message.get("body", b""), message.get("more_body", False)
            body.add(part)
            self._bytes += len(part)
            if body.size > most:
                return _too_large()
            if self._bytes > MOST_BODIES * most:
                return _busy()
        return None

    async def _answer(self, scope: Scope, body: "_Body") -> HttpResponseBase:
        if self._waiting >= MOST_WAITING:
            return _busy()
        self._waiting += 1
        try:
            if body.size < LARGE:
                return await self._hand_over(scope, body)
            async with self._large:
                return await self._hand_over(scope, body)
        finally:
            self._waiting -= 1

    async def _hand_over(self, scope: Scope, body: "_Body") -> HttpResponseBase:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._work, scope, body.take())

    def close(self) -> None:
        """Finish what runs and give every connection back; may be called twice."""
        self._threads.shutdown(wait=True)
        for held in self._held:
            held.inc_thread_sharing()
            held.close()
        self._held.clear()

    def _work(self, scope: Scope, body: bytes) -> HttpResponseBase:
        wrapper = connections[DEFAULT_DB_ALIAS]
        self._held.add(wrapper)
        if _is_broken(wrapper):
            wrapper.close()
        return fhir(Request(scope, body), scope["path"].removeprefix(PREFIX))


def _is_broken(wrapper: BaseDatabaseWrapper) -> bool:
    """True for a connection that failed, or on which the server said something unasked: goodbye."""
    if wrapper.connection is None:
        return False
    if wrapper.errors_occurred or wrapper.vendor != "postgresql":
        return bool(wrapper.errors_occurred)
    poll = select.poll()
    poll.register(wrapper.connection.fileno(), select.POLLIN | select.POLLHUP)
    return bool(poll.poll(0))


class _Body:
    """What has come of a body so far; ``size`` bytes count as held until the answer is sent."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self.size = 0

    def add(self, part: bytes) -> None:
        self._parts.append(part)
        self.size += len(part)

    def drop(self) -> int:
        """Forget all; the number of bytes that are held no more."""
        size, self.size = self.size, 0
        self._parts.clear()
        return size

    def take(self) -> bytes:
        """The body, which is then in nobody else's hands."""
        parts, self._parts = self._parts, []
        return b"".join(parts)


def _fault(scope: Scope) -> HttpResponse | None:
    """The refusal of a request that is wrong before its body has come."""
    headers = scope["headers"]
    if len(headers) > MOST_HEADERS:
        return _refusal(431, "too-long", f"a request has at most {MOST_HEADERS} headers")
    length = next((value for name, value in headers if name == b"content-length"), b"0")
    if len(length) > 15 or (length.isdigit() and int(length) > settings.FHIR_MOST_BYTES):
        return _too_large()
    if b"%2f" in scope.get("raw_path", b"").lower():
        return _refusal(404, "not-found", "an encoded slash is no part of an address")
    return None


async def _drain(receive: Receive) -> None:
    """Let go of what a client still sends: one that is cut off might not read the answer."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            while (await receive()).get("more_body"):
                pass


def _too_large() -> HttpResponse:
    return _refusal(413, "too-long", f"a body has at most {settings.FHIR_MOST_BYTES} bytes")


def _refusal(status: int, code: str, says: str) -> HttpResponse:
    return wire.answer_json(outcomes.outcome(outcomes.issue(code, says)), status)


def _busy() -> HttpResponse:
    response = _refusal(503, "throttled", "too many requests wait already")
    response["Retry-After"] = "1"
    return response


async def _send(response: HttpResponseBase, receive: Receive, send: Send, *, empty: bool) -> None:
    headers = [(b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store")]
    if settings.SECURE_HSTS_SECONDS:
        age = f"max-age={settings.SECURE_HSTS_SECONDS}".encode()
        headers.append((b"strict-transport-security", age))
    headers += _encoded(response.items())
    start = {"type": "http.response.start", "status": response.status_code, "headers": headers}
    await send(start)
    if empty:
        await send({"type": "http.response.body", "body": b""})
    elif isinstance(response, StreamingHttpResponse):
        await _stream(response, receive, send)
    elif isinstance(response, HttpResponse):
        await send({"type": "http.response.body", "body": response.content})


async def _stream(response: StreamingHttpResponse, receive: Receive, send: Send) -> None:
    """What is larger than memory: piece by piece, and no more once the client has gone."""
    gone = asyncio.ensure_future(receive())
    pieces = iter(response)
    try:
        while not gone.done():
            piece = await asyncio.to_thread(next, pieces, None)
            if piece is None:
                await send({"type": "http.response.body", "body": b""})
                return
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    finally:
        gone.cancel()


def _encoded(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
