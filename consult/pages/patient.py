"""The patient's pages. ``institution`` is the short name in the head of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from consult.pages.shared import (
    Action,
    Badge,
    ChatLine,
    Event,
    Money,
    Notice,
    Promise,
    ReferralLine,
)


@dataclass(frozen=True, slots=True)
class Doctor:
    """Who will see the patient."""

    name: str
    title: str = ""
    state: Badge | None = None


@dataclass(frozen=True, slots=True)
class IdentityStep:
    """Proving that the link is in the right hands, by a code sent to the phone.

    ``sent`` switches from "send me a code" to the code's field; ``demo_code`` is shown only by a
    demonstration service.
    """

    send_url: str
    check_url: str
    phone_tail: str
    sent: bool = False
    demo_code: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class ConsentStep:
    """What the patient agrees to, in plain sentences; ``version`` travels with the answer."""

    url: str
    version: str
    points: Sequence[str]
    refuse_url: str = ""


@dataclass(frozen=True, slots=True)
class DeviceStep:
    """Trying sound and picture; the page posts ``camera`` and ``microphone`` (yes or no)."""

    url: str
    skip_url: str = ""


@dataclass(frozen=True, slots=True)
class PayStep:
    """Paying before the visit; ``start_url`` leads to the gateway, ``refresh_url`` asks again."""

    money: Money
    start_url: str
    what: str = ""
    state: Badge | None = None
    refresh_url: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class PatientStart:
    """``patient/start.html``: one step at a time. Before identity is proven no name is shown."""

    institution: str
    step: Literal["identity", "consent", "device", "pay"]
    at: datetime
    doctor: Doctor
    name: str = ""
    identity: IdentityStep | None = None
    consent: ConsentStep | None = None
    device: DeviceStep | None = None
    pay: PayStep | None = None
    actions: Sequence[Action] = ()

    @property
    def number(self) -> int:
        """Which of the steps this is, from 1."""
        return ("identity", "consent", "device", "pay").index(self.step) + 1


@dataclass(frozen=True, slots=True)
class QueuePlace:
    """Where the patient stands; ``promise`` is None while there is nothing to compute it from.

    ``call_id`` tells one call from the next: who left one is not fetched back into the same.
    """

    ahead: int
    promise: Promise | None = None
    samples: int = 0
    ready: bool = True
    called: bool = False
    call_id: str = ""


@dataclass(frozen=True, slots=True)
class PatientWait:
    """``patient/wait.html``: from settled (not here yet) to being called in.

    When a push names another ``state``, the page is drawn anew: the visit has moved on.
    """

    institution: str
    name: str
    at: datetime
    doctor: Doctor
    place: QueuePlace | None = None
    notice: Notice | None = None
    actions: Sequence[Action] = ()
    socket: str = ""
    call_url: str = ""
    state: str = ""

    @property
    def crowd(self) -> range:
        """One for each person ahead, to draw."""
        return range(self.place.ahead if self.place else 0)


@dataclass(frozen=True, slots=True)
class PatientCall:
    """``patient/call.html``."""

    institution: str
    doctor: Doctor
    name: str
    socket: str
    ticket: str
    leave_url: str
    since: datetime | None = None
    chat: Sequence[ChatLine] = ()
    page_socket: str = ""
    call_id: str = ""


@dataclass(frozen=True, slots=True)
class ToDo:
    """One thing to remember, and why."""

    what: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Intake:
    """How one medicine is taken, in the patient's words; ``as_needed`` replaces the three times."""

    name: str
    purpose: str = ""
    change: str = ""
    morning: str = ""
    noon: str = ""
    evening: str = ""
    as_needed: str = ""


@dataclass(frozen=True, slots=True)
class PatientSummary:
    """``patient/summary.html``."""

    institution: str
    name: str
    doctor: Doctor
    at: datetime
    signed: bool
    todos: Sequence[ToDo] = ()
    diagnoses: Sequence[str] = ()
    advice: str = ""
    intakes: Sequence[Intake] = ()
    warnings: Sequence[str] = ()
    referral: ReferralLine | None = None
    progress: Sequence[Event] = ()
    bill: Money | None = None
    paid: str = ""
    actions: Sequence[Action] = ()


@dataclass(frozen=True, slots=True)
class PatientEnd:
    """``patient/end.html``: every way a visit ends without a summary, each with its sentence."""

    institution: str
    kind: Literal["cancelled", "doctor_absent", "patient_absent", "failed", "refused", "expired"]
    doctor: str = ""
    reason: str = ""
    refund: int | None = None
    refund_done: bool = False
    actions: Sequence[Action] = ()


@dataclass(frozen=True, slots=True)
class OwnVisit:
    """One of the patient's visits; ``open_url`` is posted to and leads to its page."""

    at: datetime
    doctor: str
    reason: str
    state: Badge
    open_url: str
    past: bool = False


@dataclass(frozen=True, slots=True)
class PatientHome:
    """``patient/me.html``: the patient's own pages."""

    institution: str
    name: str
    coming: Sequence[OwnVisit] = ()
    past: Sequence[OwnVisit] = ()
