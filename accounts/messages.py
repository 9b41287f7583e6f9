"""Short messages to patients' phones.

``send`` hands a text to the gateway of this installation. Without one, nothing leaves the house
and the log says only that something was due; in the demo, texts wait an hour in an outbox for the
page that shows them.
"""

import logging
from dataclasses import asdict, dataclass
from typing import Protocol

from django.conf import settings
from django.core.cache import cache

log = logging.getLogger(__name__)

KEPT_SECONDS = 3600
KEPT_MESSAGES = 5


@dataclass(frozen=True, slots=True)
class Message:
    """A text to a phone; ``kind`` is a word for the log (``sign-in-code``, ``visit-link``)."""

    phone: str
    kind: str
    text: str


class MessageGateway(Protocol):
    """What a gateway of short messages must do."""

    def send(self, message: Message) -> None:
        """Hand the message over. Raises kernel.errors.Busy when trying again may help."""


class NoGateway:
    """Sends nothing; neither number nor text reaches the log."""

    def send(self, message: Message) -> None:
        """Say that something was due."""
        log.warning("no message gateway: a %s was not sent", message.kind)


class DemoOutbox:
    """Keeps the latest messages of each phone for the pages of the demo."""

    def send(self, message: Message) -> None:
        """Keep it."""
        kept = [asdict(message), *cache.get(_key(message.phone), [])]
        cache.set(_key(message.phone), kept[:KEPT_MESSAGES], KEPT_SECONDS)


def send(phone: str, text: str, *, kind: str) -> None:
    """Send ``text`` to ``phone``. Raises Busy."""
    gateway().send(Message(phone, kind, text))


def gateway() -> MessageGateway:
    """The gateway of this installation."""
    return DemoOutbox() if settings.DEMO else NoGateway()


def shown_in_demo(phone: str) -> list[Message]:
    """The latest messages to ``phone``, newest first; always empty outside the demo."""
    kept = cache.get(_key(phone), []) if settings.DEMO else []
    return [Message(**message) for message in kept]


def _key(phone: str) -> str:
    return f"demo-outbox:{phone}"
