"""Referrals: the list and the whole way of one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from consult.pages.shared import Action, Badge, Event, Notice, Sex, Tab
from consult.pages.visit import Check, PatientBanner
from kernel.workflow import Tone


@dataclass(frozen=True, slots=True)
class ReferralRow:
    """One line of the list of referrals."""

    id: str
    at: datetime
    name: str
    sex: Sex
    age: int | None
    direction: Badge
    urgency: Badge
    other: str
    reason: str
    state: Badge
    url: str
    owes: str = ""
    actions: Sequence[Action] = ()


@dataclass(frozen=True, slots=True)
class ReferralsPage:
    """``console/referrals.html``."""

    rows: Sequence[ReferralRow] = ()
    tabs: Sequence[Tab] = ()


@dataclass(frozen=True, slots=True)
class Debt:
    """Who owes the next step of a stop."""

    who: str
    what: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class Stop:
    """Where the patient was, is or goes next; ``leg`` is the way on to the next stop."""

    name: str
    phase: Literal["done", "here", "next"]
    lines: Sequence[str] = ()
    leg: Badge | None = None
    owes: Debt | None = None
    icon: str = "doc"


@dataclass(frozen=True, slots=True)
class ReferralPage:
    """``console/referral.html``."""

    id: str
    number: str
    banner: PatientBanner
    direction: Badge
    urgency: Badge
    state: Badge
    stops: Sequence[Stop]
    reason: str
    purpose: str = ""
    summary: str = ""
    packet: Sequence[Check] = ()
    answers: Sequence[tuple[str, str]] = ()
    log: Sequence[Event] = ()
    notice: Notice | None = None
    actions: Sequence[Action] = ()
    answer_url: str = ""

    @property
    def badges(self) -> Sequence[Badge]:
        """What the banner adds: which way, how urgent."""
        return (self.direction, self.urgency)
