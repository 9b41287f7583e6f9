"""What one request touches, told by the rooms that touch it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Touched:
    """One resource that was read or written: ``action`` is C, R, U or D."""

    action: str
    kind: str
    id: str
    version: int | None
    patient: str
    keeper: str


@dataclass(slots=True)
class Trail:
    """The touched, how many results there were (None: that is no question), what it is called."""

    touched: list[Touched] = field(default_factory=list)
    found: int | None = None
    interaction: str = ""


_trail: ContextVar[Trail | None] = ContextVar("records_audit_trail", default=None)


@contextmanager
def following() -> Iterator[Trail]:
    """Collect what is touched inside; nothing goes to a trail further out."""
    trail = Trail()
    token = _trail.set(trail)
    try:
        yield trail
    finally:
        _trail.reset(token)


def touch(touched: Touched) -> None:
    """Tell the trail, if there is one, of a resource."""
    trail = _trail.get()
    if trail is not None:
        trail.touched.append(touched)


def count(number: int) -> None:
    """Tell the trail, if there is one, of so many results more."""
    trail = _trail.get()
    if trail is not None:
        trail.found = (trail.found or 0) + number


def called(interaction: str) -> None:
    """Tell the trail, if there is one, what is going on, where the address does not say."""
    trail = _trail.get()
    if trail is not None:
        trail.interaction = interaction
