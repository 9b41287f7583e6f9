"""The permission to enter a room: signed, short-lived, naming one person."""

from dataclasses import asdict, dataclass
from typing import Any

from django.core import signing

from kernel.errors import Forbidden
from signaling.protocol import Role

LASTS_SECONDS = 120
SALT = "signaling.ticket"


@dataclass(frozen=True, slots=True)
class Ticket:
    """Who may enter which room as what. ``who`` is an opaque reference."""

    room: str
    who: str
    name: str
    role: Role


def issue(ticket: Ticket) -> str:
    """The ticket as text that the browser presents within two minutes."""
    return signing.dumps(asdict(ticket), salt=SALT, compress=True)


def read(text: str, *, room: str) -> Ticket:
    """The ticket in ``text``; raises Forbidden when forged, too old or for another room."""
    try:
        found: dict[str, Any] = signing.loads(text, salt=SALT, max_age=LASTS_SECONDS)
        ticket = Ticket(**found)
    except (signing.BadSignature, TypeError, ValueError):
        raise Forbidden("the ticket is not valid (any more)") from None
    if ticket.room != room:
        raise Forbidden("the ticket is for another room")
    return ticket
