"""Sockets of pages: an id comes in from ``live``, parts drawn for this viewer go out.

Who may see is asked afresh at every drawing, so a lost post or an ended session counts at once.
What comes in from a browser is not read: acts go over HTTP.
"""

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.contrib.auth import get_user
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import translation

from accounts import sessions
from accounts.principals import patient_principal
from consult import live, queries
from consult.console import parts
from consult.models import Visit
from kernel.errors import Forbidden, HouseError, Missing
from kernel.principal import Principal

GATHER = 0.05
"""Seconds in which several changes become one drawing."""
NOT_YOURS = 4403


class PageSocket(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    """One page that stays true. Subclasses say whose, which groups, and how to draw.

    ``begin`` runs in a thread, raises an error of the house for strangers and returns the groups;
    ``draw`` runs in a thread and returns HTML, empty when nothing is to be sent.
    """

    async def connect(self) -> None:
        """Let in who may see the page; draw at once, since things may have changed since it was."""
        self.drawing: asyncio.Task[None] | None = None
        self.wanted: dict[str, dict[str, Any]] = {}
        self.joined: list[str] = []
        try:
            self.joined = await self._threaded(self.begin)
        except HouseError:
            await self.close(NOT_YOURS)
            return
        for group in self.joined:
            await self.channel_layer.group_add(group, self.channel_name)
        await self.accept()
        self._want({"type": "opened"})

    async def disconnect(self, code: int) -> None:
        """Leave the groups."""
        if self.drawing:
            self.drawing.cancel()
        for group in self.joined:
            await self.channel_layer.group_discard(group, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Nothing is read."""

    async def visit_changed(self, message: dict[str, Any]) -> None:
        """A visit has another state, payment or readiness."""
        self._want(message)

    async def note_written(self, message: dict[str, Any]) -> None:
        """A note or its diagnoses were written."""
        self._want(message)

    async def referral_moved(self, message: dict[str, Any]) -> None:
        """A referral has another state."""
        self._want(message)

    def begin(self) -> list[str]:
        """The groups of this page. Raises an error of the house for strangers."""
        raise NotImplementedError

    def draw(self, message: dict[str, Any]) -> str:
        """What the page shows of the change."""
        raise NotImplementedError

    def _want(self, message: dict[str, Any]) -> None:
        self.wanted[message["type"]] = message
        if self.drawing is None or self.drawing.done():
            self.drawing = asyncio.create_task(self._draw_soon())

    async def _draw_soon(self) -> None:
        while self.wanted:
            await asyncio.sleep(GATHER)
            messages, self.wanted = list(self.wanted.values()), {}
            try:
                html = await self._threaded(lambda: "".join(map(self.draw, messages)))  # noqa: B023
            except HouseError:
                await self.close(NOT_YOURS)
                return
            if html and not await self._sent(html):
                return

    async def _sent(self, html: str) -> bool:
        try:
            await self.send(text_data=html)
        except OSError:  # the browser went away while we drew
            return False
        return True

    async def _threaded(self, work: Callable[[], Any]) -> Any:
        return await database_sync_to_async(self._in_language)(work)

    def _in_language(self, work: Callable[[], Any]) -> Any:
        with translation.override(_language(self.scope)):
            return work()


class ConsoleSocket(PageSocket):
    """A page of the console: the board and everything that is not one visit or referral."""

    def staff(self) -> Principal:
        """The member of staff of this socket's session. Raises for anybody else."""
        return _staff(self.scope)

    def place(self) -> str:
        """The page's place in the rail: ``?at=bills``; the board unless told."""
        asked = parse_qs(self.scope["query_string"].decode("latin-1"))
        return str(asked.get("at", ["board"])[0])

    def begin(self) -> list[str]:
        """The institution's group."""
        return [live.console_group(self.staff().institution)]

    def draw(self, message: dict[str, Any]) -> str:
        """The board as this viewer sees it; on other pages only what waits there."""
        principal = self.staff()
        if not principal.has("doctor", "nurse") or message["type"] == "note.written":
            return ""
        key = self.place()
        return parts.board(principal) if key == "board" else parts.rail(principal, key=key)


class VisitSocket(ConsoleSocket):
    """The page of one visit at the console."""

    def visit(self) -> Visit:
        """The visit of the page. Raises Missing for strangers."""
        visit_id = self.scope["url_route"]["kwargs"]["visit_id"]
        return queries.visit_for(self.staff(), visit_id)

    def begin(self) -> list[str]:
        """The visit's group, and the institution's for who waits next."""
        return [
            live.visit_group(self.visit().public_id),
            live.console_group(self.staff().institution),
        ]

    def draw(self, message: dict[str, Any]) -> str:
        """What changes on the page."""
        if message["type"] == "note.written":
            return parts.note(self.staff(), self.visit())
        return parts.visit(self.staff(), self.visit())


class ReferralSocket(ConsoleSocket):
    """The page of one referral."""

    def draw(self, message: dict[str, Any]) -> str:
        """The referral as it now stands."""
        referral_id = self.scope["url_route"]["kwargs"]["referral_id"]
        return parts.referral(self.staff(), referral_id)


class PatientSocket(PageSocket):
    """The patient's page of one visit."""

    def visit(self) -> Visit:
        """The visit of the link, for its patient's session. Raises Missing for anybody else."""
        return _patients_visit(self.scope)

    def begin(self) -> list[str]:
        """The visit's group and the queue's, for the place in it."""
        visit = self.visit()
        return [live.visit_group(visit.public_id), live.queue_group(visit)]

    def draw(self, message: dict[str, Any]) -> str:
        """The place in the queue, the doctor, and where the patient is to be now."""
        visit = self.visit()
        token = self.scope["url_route"]["kwargs"]["token"]
        context = {
            "page": queries.wait_page(visit, token, _patient(self.scope)),
            "state": visit.state,
            "oob": True,
        }
        return render_to_string("patient/_live.html", context)


def _request(scope: Any) -> HttpRequest:
    """The socket's session and user, read afresh: signing out elsewhere counts here at once."""
    request = HttpRequest()
    request.session = SessionStore(scope["session"].session_key)
    request.user = get_user(request)
    return request


def _staff(scope: Any) -> Principal:
    request = _request(scope)
    staff = sessions.staff_of(request.session, request.user)
    if staff is None or staff.principal is None:
        raise Forbidden("staff only")
    return staff.principal


def _patient(scope: Any) -> Principal:
    account = sessions.patient_of(_request(scope).session)
    if account is None:
        raise Forbidden("the visit's patient only")
    return patient_principal(account)


def _patients_visit(scope: Any) -> Visit:
    visit = queries.link_of(scope["url_route"]["kwargs"]["token"]).visit
    if _patient(scope).reference != visit.patient:
        raise Missing("no such visit")
    return visit


def _language(scope: Any) -> str:
    """The viewer's language, by the rules of LocaleMiddleware."""
    request = HttpRequest()
    headers = dict(scope["headers"])
    request.COOKIES = scope.get("cookies", {})
    request.META["HTTP_ACCEPT_LANGUAGE"] = headers.get(b"accept-language", b"").decode("latin-1")
    return translation.get_language_from_request(request)
