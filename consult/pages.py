"""What each page and partial shows: the contract between queries and templates.

Frozen, without models and without HTML. Texts are for people and already translated; times are
aware datetimes, money is whole fen, urls are paths of this service. A console page's context is
``shell`` and ``page``; a patient's page has ``page`` only; a partial has the part's own name, as
its template says in its first line.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from consult.plots import Reading
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


# -- the console's shell


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


# -- the board


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
class Promise:
    """How long the patient was told to wait, in minutes."""

    low: int
    high: int


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
    next_up: str = ""
    all_today: bool = False
    today_url: str = ""
    refer_url: str = ""


# -- the visit


@dataclass(frozen=True, slots=True)
class PatientBanner:
    """Who this page is about. ``allergies`` is None when nobody has asked yet."""

    name: str
    sex: Sex
    birth_date: date | None
    age: int | None
    id_tail: str
    allergies: Sequence[str] | None
    identity: Badge | None = None
    facts: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class ChatLine:
    """One message of the call's chat; ``who`` empty marks a line of the service itself."""

    at: datetime
    who: str
    text: str
    mine: bool = False


@dataclass(frozen=True, slots=True)
class CallPanel:
    """The stage. ``socket`` and ``ticket`` are empty until the room is open."""

    phase: Literal["before", "live", "over"]
    patient: str
    me: str
    socket: str = ""
    ticket: str = ""
    since: datetime | None = None
    patient_here: bool = False
    patient_note: str = ""
    says: str = ""
    chat: Sequence[ChatLine] = ()
    actions: Sequence[Action] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """A condition of the record."""

    text: str
    since: str = ""
    state: Badge | None = None


@dataclass(frozen=True, slots=True)
class Medicine:
    """A medicine that is being taken."""

    name: str
    dose: str
    note: str = ""
    tone: Tone | None = None


@dataclass(frozen=True, slots=True)
class Vital:
    """The last value of one measurement, with the values before it (oldest first)."""

    label: str
    value: str
    unit: str
    at: datetime | None = None
    tone: Tone = "ok"
    values: Sequence[float] = ()
    normal: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Paper:
    """A document of the record."""

    title: str
    url: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RecordPanel:
    """The patient's record beside the call."""

    reason: str = ""
    reason_at: datetime | None = None
    pressure: Sequence[Reading] = ()
    vitals: Sequence[Vital] = ()
    problems: Sequence[Problem] = ()
    medicines: Sequence[Medicine] = ()
    allergies: Sequence[str] | None = None
    papers: Sequence[Paper] = ()


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A diagnosis of this visit; ``remove_url`` is empty once it is signed."""

    code: str
    text: str
    remove_url: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """An answer of the diagnosis search; ``rest`` follows the typed ``start``."""

    code: str
    before: str
    match: str
    after: str


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must be there before the next step."""

    label: str
    tone: Tone
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Saved:
    """Whether the note is safe: ``at`` is when it was last written, None before the first time."""

    at: datetime | None
    version: int = 0


@dataclass(frozen=True, slots=True)
class NoteView:
    """The visit's note. Locked notes are read only (signed, or of another doctor)."""

    subjective: str = ""
    objective: str = ""
    assessment: str = ""
    plan: str = ""
    advice: str = ""
    saved: Saved = field(default_factory=lambda: Saved(None))
    save_url: str = ""
    locked: bool = False
    signed: Badge | None = None
    diagnoses: Sequence[Diagnosis] = ()
    diagnose_url: str = ""
    search_url: str = ""


@dataclass(frozen=True, slots=True)
class ReferForm:
    """The dialog that sends the patient on. The lists are radio choices."""

    url: str
    destinations: Sequence[Option]
    urgencies: Sequence[Option]
    purposes: Sequence[Option]
    reason: str = ""
    summary: str = ""
    errors: Sequence[FieldError] = ()


@dataclass(frozen=True, slots=True)
class ReferralLine:
    """A referral that came out of this visit."""

    to: str
    state: Badge
    url: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Money:
    """Whole fen and how they split; the parts add up to ``total``."""

    total: int
    fund: int = 0
    account: int = 0
    cash: int = 0


@dataclass(frozen=True, slots=True)
class PaymentLine:
    """The visit's fee as the doctor sees it."""

    state: Badge
    money: Money


@dataclass(frozen=True, slots=True)
class VisitPage:
    """``console/visit.html``."""

    id: str
    state: Badge
    banner: PatientBanner
    call: CallPanel
    record: RecordPanel
    note: NoteView
    checks: Sequence[Check] = ()
    actions: Sequence[Action] = ()
    refer: ReferForm | None = None
    referrals: Sequence[ReferralLine] = ()
    payment: PaymentLine | None = None
    history: Sequence[Event] = ()
    next_up: str = ""
    socket: str = ""


# -- referrals


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
class Tab:
    """A view of a list."""

    label: str
    url: str
    count: int | None = None
    current: bool = False


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
    socket: str = ""


# -- bills


@dataclass(frozen=True, slots=True)
class BillTotals:
    """The day's money at one look."""

    count: int
    money: Money
    refunds: int = 0
    refunds_due: int = 0
    stuck: int = 0


@dataclass(frozen=True, slots=True)
class OrderRow:
    """One order."""

    id: str
    at: datetime
    name: str
    what: str
    money: Money
    state: Badge
    url: str = ""
    selected: bool = False
    actions: Sequence[Action] = ()


@dataclass(frozen=True, slots=True)
class Balance:
    """An account of the ledger and its balance in fen."""

    label: str
    amount: int


@dataclass(frozen=True, slots=True)
class OrderPage:
    """One order in full: ``console/_order.html``."""

    number: str
    name: str
    what: str
    money: Money
    state: Badge
    gateway: str = ""
    history: Sequence[Event] = ()
    notice: Notice | None = None
    actions: Sequence[Action] = ()


@dataclass(frozen=True, slots=True)
class BillsPage:
    """``console/bills.html``."""

    totals: BillTotals
    orders: Sequence[OrderRow] = ()
    balances: Sequence[Balance] = ()
    order: OrderPage | None = None
    tabs: Sequence[Tab] = ()


# -- the patient's pages; ``institution`` is the short name in the head of each


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
    """Where the patient stands; ``promise`` is None while there is nothing to compute it from."""

    ahead: int
    promise: Promise | None = None
    samples: int = 0
    ready: bool = True
    called: bool = False


@dataclass(frozen=True, slots=True)
class PatientWait:
    """``patient/wait.html``: from settled (not here yet) to being called in."""

    institution: str
    name: str
    at: datetime
    doctor: Doctor
    place: QueuePlace | None = None
    notice: Notice | None = None
    actions: Sequence[Action] = ()
    socket: str = ""
    call_url: str = ""


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
