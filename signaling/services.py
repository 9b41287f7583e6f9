"""What rooms can do for the floors above.

``on_presence`` is how a floor above hears that somebody's media has come up or gone.
"""

import logging
from collections.abc import Callable

from django.db import IntegrityError, transaction

from kernel.errors import Refused
from kernel.principal import Principal
from kernel.transitions import apply
from signaling import link, tickets
from signaling.media.node import Present
from signaling.models import Room
from signaling.protocol import MAX_NAME, Role

log = logging.getLogger(__name__)

OnPresence = Callable[[str, str, bool], None]
_on_presence: list[OnPresence] = []


def open_room(*, purpose: str, by: Principal) -> Room:
    """The open room for ``purpose``; opened now unless it is."""
    found = Room.objects.filter(purpose=purpose, state="open").first()
    if found is not None:
        return found
    try:
        with transaction.atomic():
            return Room.objects.create(purpose=purpose)
    except IntegrityError:  # opened by somebody else in this moment
        return Room.objects.get(purpose=purpose, state="open")


def issue_ticket(room: Room, *, who: str, name: str, role: Role) -> str:
    """A ticket with which ``who`` can enter within two minutes; ask anew on every reconnect.

    ``who`` is an opaque reference, ``name`` what the others see. Raises Refused for a closed room.
    """
    if room.state != "open":
        raise Refused("the room is closed")
    return tickets.issue(tickets.Ticket(room.public_id, who, name[:MAX_NAME], role))


def close_room(room: Room, *, by: Principal) -> Room:
    """Close for good and send everybody out, once the transaction commits.

    A room that is closed already stays so; that is success too.
    """
    if room.state == "closed":
        return room
    closed = apply(room, "close", by=by)
    transaction.on_commit(lambda: link.current().close_room(closed.public_id))
    return closed


def participants(room: Room) -> list[Present]:
    """Who is in the room now (two seconds late with nodes of their own)."""
    return link.current().participants(room.public_id)


def media_ready() -> bool:
    """True when a media node can take a room."""
    return link.current().ready()


async def stop_media() -> None:
    """Stop what this process runs for rooms; before the event loop ends."""
    await link.current().close()


def on_presence(callback: OnPresence) -> None:
    """Have ``callback(purpose, who, present)`` called when somebody's media comes up or goes.

    It is called in a thread that may use the database, once per change and in the order of the
    changes of one connection. Whoever reconnects is gone first and present again then.
    """
    _on_presence.append(callback)


def tell_presence(purpose: str, who: str, present: bool) -> None:
    """Tell the floors above; a callback that fails does not keep the others from hearing."""
    for callback in _on_presence:
        try:
            callback(purpose, who, present)
        except Exception:
            log.exception("a listener to presence failed")
