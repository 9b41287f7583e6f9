"""The visit: banner, stage, record, note."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from consult.pages.shared import (
    Action,
    Badge,
    ChatLine,
    Event,
    FieldError,
    Money,
    Option,
    ReferralLine,
    Sex,
)
from consult.plots import Reading
from kernel.workflow import Tone


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
class CallPanel:
    """The stage. ``socket`` and ``ticket`` are empty until the room is open."""

    phase: Literal["before", "live", "over"]
    patient: str
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
