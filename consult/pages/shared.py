"""What several pages show: states, buttons, events, money."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from kernel.workflow import Tone

Method = Literal["get", "post"]
Sex = Literal["female", "male", "other", "unknown"]


@dataclass(frozen=True, slots=True)
class Badge:
    """A state in words and tone; ``icon`` refines the tone's own icon (a name of the sprite)."""

    label: str
    tone: Tone
    icon: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    """One button: what the viewer may do now, taken from the workflow table.

    ``confirm`` is the sentence of the dialog that comes first, for what cannot be undone. With
    ``stay`` the page sends it through htmx and expects parts to swap (``hx-swap-oob``), so that a
    running call stays; without it a plain form is posted and a redirect expected.
    """

    name: str
    label: str
    url: str
    primary: bool = False
    danger: bool = False
    icon: str = ""
    method: Method = "post"
    confirm: str = ""
    stay: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a timeline: what happened (or, with ``todo``, what is still to come)."""

    at: datetime | None
    who: str
    what: str
    tone: Tone = "idle"
    todo: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence in the flow."""

    title: str
    text: str
    tone: Tone = "info"


@dataclass(frozen=True, slots=True)
class Option:
    """One choice of a form."""

    value: str
    label: str
    detail: str = ""
    checked: bool = False


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field: its name in the form and the sentence."""

    field: str
    says: str


@dataclass(frozen=True, slots=True)
class Tab:
    """A view of a list."""

    label: str
    url: str
    count: int | None = None
    current: bool = False


@dataclass(frozen=True, slots=True)
class Money:
    """Whole fen and how they split; the parts add up to ``total``."""

    total: int
    fund: int = 0
    account: int = 0
    cash: int = 0


@dataclass(frozen=True, slots=True)
class ReferralLine:
    """A referral that came out of this visit."""

    to: str
    state: Badge
    url: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ChatLine:
    """One message of the call's chat; ``who`` empty marks a line of the service itself."""

    at: datetime
    who: str
    text: str
    mine: bool = False


@dataclass(frozen=True, slots=True)
class Promise:
    """How long the patient was told to wait, in minutes."""

    low: int
    high: int
