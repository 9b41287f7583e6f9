"""The rehearsal patient: a client outside the service, on the patient's own pages and wire.

``python -m demo.rehearsal --home FOLDER`` reads the link from ``FOLDER/rehearsal.json``, proves who
it is, agrees, takes a place in the waiting room, comes when called, and leaves when the call ends.
A newcomer alone at one computer so sees a working call.
"""

import argparse
import asyncio
import contextlib
import json
import logging
import re
import signal
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import websockets

from demo.answers import GREETING, answer
from demo.portrait import PortraitTrack
from demo.voice import VoiceTrack
from signaling.client import Client

log = logging.getLogger(__name__)

STATE = re.compile(r'data-state="(\w+)"')
SIX_DIGITS = re.compile(r"\b\d{6}\b")
CALLED = ("called", "in_progress")
LOOKS_EVERY = 2.0
TRIES_AGAIN_AFTER = 5.0


class Patient:
    """One visit of the rehearsal patient, from the link to the end of the call."""

    def __init__(self, base: str, link: str) -> None:
        self.base = base
        self.link = link
        self.pages = httpx.AsyncClient(base_url=base, headers={"Referer": f"{base}{link}"})
        self.call: Client | None = None
        self._replies: set[asyncio.Task[None]] = set()

    async def come(self) -> None:
        """Go through the steps before the waiting room; those done already change nothing.

        Raises httpx.HTTPStatusError when the link is not good any more.
        """
        page = await self.pages.get(self.link)
        page.raise_for_status()
        shown = await self._post("code")
        if digits := SIX_DIGITS.search(shown.text):
            await self._post("check", code=digits.group())
        await self._post("consent")
        await self._post("device", camera="yes", microphone="yes")
        await self._post("do/check_in")

    async def wait_and_talk(self) -> None:
        """Listen to the waiting room and be in the call while there is one."""
        address = f"{self._socket_base}/ws{self.link}"
        cookies = "; ".join(f"{name}={value}" for name, value in self.pages.cookies.items())
        async with websockets.connect(
            address, additional_headers={"Cookie": cookies}, origin=websockets.Origin(self.base)
        ) as room:
            async for message in room:
                if found := STATE.search(str(message)):
                    await self._follow(found.group(1))

    async def leave(self) -> None:
        """Leave the call and close the pages; may be called twice."""
        if self.call:
            await self.call.close()
            self.call = None
        await self.pages.aclose()

    @property
    def _socket_base(self) -> str:
        parts = urlsplit(self.base)
        return f"{'wss' if parts.scheme == 'https' else 'ws'}://{parts.netloc}"

    async def _post(self, step: str, **fields: str) -> httpx.Response:
        token = self.pages.cookies.get("csrftoken", "")
        return await self.pages.post(
            f"{self.link}{step}",
            data={**fields, "csrfmiddlewaretoken": token},
            headers={"Accept": "text/html"},
            follow_redirects=True,
        )

    async def _follow(self, state: str) -> None:
        if state in CALLED and (self.call is None or self.call.closed.is_set()):
            await self._enter()
        elif state not in CALLED and self.call is not None:
            await self.call.close()
            self.call = None

    async def _enter(self) -> None:
        admitted = await self._post("ticket")
        admitted.raise_for_status()
        way = admitted.json()
        call = Client(tracks=(VoiceTrack(), PortraitTrack()), on_chat=self._answer)
        url = f"{self._socket_base}/ws/room/{way['room']}/"
        await call.connect(url, way["ticket"], origin=self.base)
        self.call = call
        await call.say(GREETING)

    def _answer(self, participant: str, text: str) -> None:
        call = self.call
        if call and call.you and participant != call.you.id:
            reply = asyncio.get_running_loop().create_task(call.say(answer(text)))
            self._replies.add(reply)
            reply.add_done_callback(self._replies.discard)


async def rehearse(home: Path, base: str) -> None:
    """Play visit after visit, as their links appear in ``home``."""
    while True:
        patient = Patient(base, await next_link(home))
        try:
            await patient.come()
            await patient.wait_and_talk()
        except (httpx.HTTPError, OSError, websockets.WebSocketException) as error:
            # The error's text may hold the link, which is a permission.
            log.warning("rehearsal interrupted: %s", type(error).__name__)
        finally:
            await patient.leave()
        await asyncio.sleep(TRIES_AGAIN_AFTER)


async def next_link(home: Path) -> str:
    """The link of the next rehearsal, once it is written."""
    while True:
        with contextlib.suppress(OSError, ValueError, KeyError):
            return str(json.loads((home / "rehearsal.json").read_text(encoding="utf-8"))["link"])
        await asyncio.sleep(LOOKS_EVERY)


def main() -> None:
    """The command line; ends on SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m demo.rehearsal")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--base", required=True)
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(_until_signal(options))


async def _until_signal(options: argparse.Namespace) -> None:
    work = asyncio.create_task(rehearse(options.home, options.base))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, work.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await work


if __name__ == "__main__":
    main()
