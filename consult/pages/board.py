"""The board: who waits, the day, what is owed, what hospitals answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from consult.pages.shared import Action, Badge, Promise, Sex, Tab
from kernel.workflow import Tone


@dataclass(frozen=True, slots=True)
class DaySlot:
    """One appointment on the day strip."""

    at: datetime
    minutes: int
    kind: Literal["done", "wait", "owe", "booked", "missed"]
    label: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Day:
    """The day in one line: counts and the strip."""

    now: datetime
    seen: int
    waiting: int
    absent: int
    expected: int
    slots: Sequence[DaySlot] = ()

    @property
    def total(self) -> int:
        """Everybody of the day."""
        return self.seen + self.waiting + self.absent + self.expected


@dataclass(frozen=True, slots=True)
class QueueRow:
    """Somebody who waits. ``lost_at`` is set while their line is gone."""

    id: str
    name: str
    sex: Sex
    age: int | None
    url: str
    since: datetime
    reason: str
    promise: Promise | None = None
    lost_at: datetime | None = None
    facts: Sequence[Badge] = ()
    flags: Sequence[Badge] = ()
    ready: Badge | None = None
    actions: Sequence[Action] = ()
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class TodayRow:
    """One line of the day's list."""

    id: str
    at: datetime
    name: str
    sex: Sex
    age: int | None
    url: str
    reason: str
    state: Badge
    way: Literal["video", "phone", "onsite"] = "video"
    ready: Badge | None = None
    past: bool = False
    actions: Sequence[Action] = ()


@dataclass(frozen=True, slots=True)
class OwedRow:
    """Something the viewer owes somebody: to whom, what, until when."""

    id: str
    due: datetime | None
    tone: Tone
    name: str
    what: str
    detail: str = ""
    actions: Sequence[Action] = ()


@dataclass(frozen=True, slots=True)
class ReplyRow:
    """What a hospital answered."""

    id: str
    at: datetime
    state: Badge
    name: str
    sex: Sex
    age: int | None
    detail: str = ""
    fresh: bool = False
    actions: Sequence[Action] = ()


@dataclass(frozen=True, slots=True)
class BoardPage:
    """``console/board.html``."""

    day: Day
    waiting: Sequence[QueueRow] = ()
    today: Sequence[TodayRow] = ()
    owed: Sequence[OwedRow] = ()
    replies: Sequence[ReplyRow] = ()
    today_tabs: Sequence[Tab] = ()
    next_up: str = ""
    refer_url: str = ""
