"""How higher floors hear of writes and messages of the REST API, and say who may still act."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from kernel.principal import Principal


@dataclass(frozen=True, slots=True)
class Change:
    """One write: ``before`` is None for a creation, ``after`` is None for a deletion."""

    kind: str
    id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    by: Principal


Hook = Callable[[Change], None]
_hooks: dict[str, list[Hook]] = defaultdict(list)


def on_write(kind: str, hook: Hook) -> None:
    """Call ``hook`` inside the transaction of each write of ``kind`` through the REST API.

    The hook may raise an error of the house: the whole write is refused and nothing is kept.
    Writes by services of this house call no hooks.
    """
    if hook not in _hooks[kind]:
        _hooks[kind].append(hook)


def watched(kind: str) -> bool:
    """True when somebody listens to ``kind``."""
    return bool(_hooks.get(kind))


def tell(change: Change) -> None:
    """Run the hooks of a change; what they raise goes to the writer."""
    for hook in _hooks.get(change.kind, ()):
        hook(change)


Standing = Callable[[Principal], Principal | None]
_standing: list[Standing] = []


def on_standing(check: Standing) -> None:
    """Say with whom somebody may act now who was let in once, and works on without asking again.

    ``check`` returns the principal with the access that it has now, None when it has none.
    """
    if check not in _standing:
        _standing.append(check)


def standing(by: Principal) -> Principal | None:
    """``by`` as it may act now, or None."""
    now: Principal | None = by
    for check in _standing:
        now = check(now) if now else None
    return now


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its header, the resources in ``focus`` and the whole Bundle (all checked)."""

    event: str
    header: dict[str, Any]
    focus: tuple[dict[str, Any], ...]
    bundle: dict[str, Any]
    by: Principal


MessageHandler = Callable[[Message], Sequence[dict[str, Any]]]
_handlers: dict[str, MessageHandler] = {}


def on_message(event: str, handler: MessageHandler) -> None:
    """Let ``handler`` process messages of ``event``: ``system|code``, or a uri.

    It runs inside one transaction and returns the resources of the answer; an error of the house
    makes the answer a fatal error, undoes what the handler wrote, and is kept as the answer (Busy
    and Conflict are not: the sender tries again). What the sender may do is the handler's to check.
    Raises ValueError when another handler has the event.
    """
    if _handlers.setdefault(event, handler) is not handler:
        raise ValueError(f"{event} has a handler already")


def message_handler(event: str) -> MessageHandler | None:
    """Who processes messages of ``event``."""
    return _handlers.get(event)
