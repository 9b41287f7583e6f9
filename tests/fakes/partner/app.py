"""The hospital's doors, as a hand-made ASGI application."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

from tests.fakes.partner.chart import NotAccepted
from tests.fakes.partner.hospital import AUTOMATIC, FAULTS, Hospital
from tests.fakes.partner.page import page

Answer = tuple[int, str, bytes, dict[str, str]]
SLOW_SECONDS = 60.0
CAPABILITIES = {
    "resourceType": "CapabilityStatement",
    "status": "active",
    "date": "2026-01-01",
    "kind": "instance",
    "fhirVersion": "4.0.1",
    "format": ["json"],
    "software": {"name": "Demo hospital"},
    "rest": [{"mode": "server", "interaction": [{"code": "transaction"}]}],
}


class App:
    """ASGI: ``/fhir``, ``/oauth/token``, ``/control`` (faults) and the desk's page at ``/``."""

    def __init__(self, hospital: Hospital) -> None:
        self.hospital = hospital
        self._doors: dict[tuple[str, str], Callable[[Any, bytes], Awaitable[Answer]]] = {
            ("GET", "/"): self._page,
            ("POST", "/desk"): self._desk,
            ("POST", "/control"): self._control,
            ("POST", "/oauth/token"): self._token,
            ("GET", "/fhir/metadata"): self._metadata,
            ("GET", "/fhir/.well-known/smart-configuration"): self._smart,
            ("POST", "/fhir"): self._transaction,
        }

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = await _body(receive)
        try:
            status, kind, content, headers = await self._answer(scope, body)
        except NotAccepted as no:
            status, kind, content, headers = _outcome(no)
        names = [(b"content-type", kind.encode())]
        names += [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": names})
        await send({"type": "http.response.body", "body": content})

    async def _answer(self, scope: Any, body: bytes) -> Answer:
        path = scope["path"].rstrip("/") or "/"
        if scope["method"] == "GET" and path.startswith("/fhir/Task/"):
            return _json(self.hospital.chart.read(path.removeprefix("/fhir/")))
        door = self._doors.get((scope["method"], path))
        if door is None:
            raise NotAccepted(404, "not-found", "no such address")
        return await door(scope, body)

    async def _transaction(self, scope: Any, body: bytes) -> Answer:
        hospital = self.hospital
        if hospital.fault == "slow":
            await asyncio.sleep(SLOW_SECONDS)
        if hospital.fault == "busy":
            return 503, "text/plain", b"", {"retry-after": "7"}
        if hospital.fault == "broken":
            return 500, "text/html", b"<h1>Oops</h1>", {}
        if hospital.fault == "redirect":
            return 307, "text/plain", b"", {"location": "http://127.0.0.1:9/fhir"}
        hospital.authorise(_header(scope, b"authorization"))
        answer = hospital.take(json.loads(body))
        if hospital.fault == "lost":  # it is stored, but nobody hears of it
            return 504, "text/plain", b"", {}
        if hospital.fault == "garbage":
            return 200, "text/html", b"<h1>Welcome</h1>", {}
        return _json(answer)

    async def _token(self, scope: Any, body: bytes) -> Answer:
        form = dict(parse_qsl(body.decode()))
        return _json(await self.hospital.token(form, f"{_origin(scope)}/oauth/token"))

    async def _smart(self, scope: Any, body: bytes) -> Answer:
        return _json({"token_endpoint": f"{_origin(scope)}/oauth/token"})

    async def _metadata(self, scope: Any, body: bytes) -> Answer:
        return _json(CAPABILITIES)

    async def _page(self, scope: Any, body: bytes) -> Answer:
        return 200, "text/html; charset=utf-8", page(self.hospital).encode(), {}

    async def _desk(self, scope: Any, body: bytes) -> Answer:
        form = dict(parse_qsl(body.decode()))
        task, move = form.get("task", ""), form.get("move", "")
        self.hospital.chart.read(f"Task/{task}")
        if move not in self.hospital.moves(task):
            raise NotAccepted(409, "business-rule", "not now")
        await self.hospital.answer(task, move, reason=form.get("reason", "no-capacity"))
        return 303, "text/plain", b"", {"location": "/"}

    async def _control(self, scope: Any, body: bytes) -> Answer:
        wanted = json.loads(body)
        fault, auto = wanted.get("fault", ""), wanted.get("auto", self.hospital.auto)
        if fault not in FAULTS or auto not in AUTOMATIC:
            raise NotAccepted(422, "invalid", f"faults: {FAULTS}; auto: {tuple(AUTOMATIC)}")
        self.hospital.fault, self.hospital.auto = fault, auto
        return _json({"fault": fault, "auto": auto})


async def _body(receive: Any) -> bytes:
    content = bytearray()
    while True:
        message = await receive()
        content += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(content)


def _json(content: Any) -> Answer:
    return 200, "application/fhir+json", json.dumps(content, ensure_ascii=False).encode(), {}


def _outcome(no: NotAccepted) -> Answer:
    issue = {"severity": "error", "code": no.code, "diagnostics": no.says}
    body = {"resourceType": "OperationOutcome", "issue": [issue], "error": no.code}
    return no.status, *_json(body)[1:]


def _header(scope: Any, name: bytes) -> str:
    return next((value.decode() for key, value in scope["headers"] if key == name), "")


def _origin(scope: Any) -> str:
    return f"http://{_header(scope, b'host')}"
