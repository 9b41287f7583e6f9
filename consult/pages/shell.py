"""Around every console page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from kernel.workflow import Tone


@dataclass(frozen=True, slots=True)
class NavItem:
    """A place in the rail; the template knows its word and icon by ``key``."""

    key: Literal["board", "visit", "refer", "bills"]
    url: str
    count: int = 0
    tone: Tone = "warn"
    current: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """A post that the signed-in person may switch to; ``post`` is sent to ``Shell.switch_url``."""

    post: str
    label: str
    current: bool = False


@dataclass(frozen=True, slots=True)
class Shell:
    """Around every console page: where, when, who, and what waits elsewhere.

    ``title`` is the page's own, ``post`` the person's (General practice).
    """

    institution: str
    person: str
    post: str
    title: str
    nav: Sequence[NavItem]
    now: datetime
    places: Sequence[Place] = ()
    switch_url: str = ""
    socket: str = ""
