"""What screens read about referrals. Whose referral it is decides first; the rest is Missing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Prefetch, Q, QuerySet
from django.utils.translation import gettext

from accounts import queries as people
from kernel.clock import now
from kernel.errors import Missing
from kernel.principal import SYSTEM, Principal
from kernel.transitions import TransitionRow
from kernel.workflow import State, Transition
from records import store
from referrals.document import title_of
from referrals.models import Delivery, Referral
from referrals.workflow import DECLINE_REASONS, DELIVERY, LIVE, REFERRAL

# Newest first on a screen; older ones are reached by their visit.
LONGEST_LIST = 200
# The sender must do the next step.
OWED = frozenset({"info_needed", "outcome_reported"})
# Whose work it is; a cashier's is not.
READERS = ("doctor", "nurse", "admin", "auditor", "partner")
# A declined referral stays in sight this long: somebody must find another place.
DECLINED_SHOWN = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Destination:
    """An institution that takes referrals: ``id`` is what ``send_referral(to=...)`` takes."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Row:
    """A referral in a list; ``patient_name`` and ``to_name`` are empty when unknown."""

    referral: Referral
    patient_name: str
    to_name: str
    delivery: State
    actions: Sequence[Transition]

    @property
    def owed(self) -> bool:
        """True when the sender must do the next step."""
        return self.referral.state in OWED or self.delivery.name == "stuck"


@dataclass(frozen=True, slots=True)
class Step:
    """One transition that happened, for the timeline; ``reason`` is a label or empty."""

    at: datetime
    label: str
    state: State
    who: str
    reason: str


@dataclass(frozen=True, slots=True)
class Note:
    """What one side wrote to the other."""

    at: str
    who: str
    text: str


@dataclass(frozen=True, slots=True)
class Sending:
    """How far our messages have come: ``error`` is a word of ``exchange.errors`` or empty."""

    state: State
    attempts: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class Detail:
    """Everything about one referral.

    ``packet`` tells section titles with what they show; ``status_reason`` is in the reader's
    language or the hospital's own words; ``notes`` end with the outcome.
    """

    row: Row
    reason: str
    summary: str
    packet: Sequence[tuple[str, Sequence[str]]]
    timeline: Sequence[Step]
    sending: Sending
    status_reason: str
    notes: Sequence[Note]


def destinations() -> list[Destination]:
    """Where referrals can be sent, by name; one query."""
    return [Destination(p.organization_id, p.name) for p in people.partners()]


def referral_for(public_id: str, by: Principal) -> Referral:
    """The referral, when it is ``by``'s business. Raises Missing."""
    found = _visible(by).filter(public_id=public_id).first()
    if found is None:
        raise Missing("no such referral")
    return found


def referrals_of_visit(visit: str, by: Principal) -> list[Row]:
    """Referrals that came out of a visit, newest first."""
    return _rows(_visible(by).filter(visit=visit), by)


def inbox(by: Principal) -> list[Row]:
    """Referrals of ``by``'s institution that are live, owed or lately declined; newest first."""
    declined = Q(
        state="declined",
        transitions__to_state="declined",
        transitions__at__gte=now() - DECLINED_SHOWN,
    )
    return _rows(_visible(by).filter(Q(state__in=LIVE | OWED) | declined).distinct(), by)


def ended(by: Principal) -> list[Row]:
    """Referrals of the institution of ``by`` that are over, newest first."""
    return _rows(_visible(by).filter(state__in=("closed", "cancelled", "declined")), by)


def owed(by: Principal) -> int:
    """How many referrals wait for the next step of ``by``'s institution."""
    stuck = Q(deliveries__delivered_at=None, deliveries__permanent=True)
    return _visible(by).filter(Q(state__in=OWED) | stuck).distinct().count()


def detail(public_id: str, by: Principal) -> Detail:
    """One referral with its story. Raises Missing."""
    referral = _fetched(_visible(by).filter(public_id=public_id)).first()
    if referral is None:
        raise Missing("no such referral")
    transitions = list(referral.transitions.all())
    task = _body("Task", referral.task_id)
    order = _body("ServiceRequest", referral.service_request_id)
    document = _body("Bundle", referral.document_id)
    names = people.names(
        [
            referral.patient,
            f"Organization/{referral.to_institution}",
            *(row.by_reference for row in transitions),
            *_authors(task),
        ]
    )
    return Detail(
        row=_row(referral, names, by),
        reason=str(order["reasonCode"][0]["text"]),
        summary="\n".join(note["text"] for note in order.get("note", [])),
        packet=_packet(document),
        timeline=[_step(row, names) for row in reversed(transitions)],
        sending=_sending(referral.deliveries.all()),
        status_reason=_status_reason(task, referral),
        notes=[
            *(_note(note, names) for note in task.get("note", [])),
            *_outcomes(task, names.get(f"Organization/{referral.to_institution}", "")),
        ],
    )


def _visible(by: Principal) -> QuerySet[Referral]:
    if by.has("system"):
        return Referral.objects.all()
    if by.has("patient"):
        return Referral.objects.filter(patient=by.reference)
    if not by.institution or not by.has(*READERS):
        return Referral.objects.none()
    return Referral.objects.filter(
        Q(from_institution=by.institution) | Q(to_institution=by.institution)
    )


def _fetched(referrals: QuerySet[Referral]) -> QuerySet[Referral]:
    return referrals.prefetch_related(Prefetch("deliveries", Delivery.objects.order_by("pk")))


def _rows(referrals: QuerySet[Referral], by: Principal) -> list[Row]:
    found = list(_fetched(referrals)[:LONGEST_LIST])
    references = [f"Organization/{r.to_institution}" for r in found] + [r.patient for r in found]
    names = people.names(references)
    return [_row(referral, names, by) for referral in found]


def _row(referral: Referral, names: Mapping[str, str], by: Principal) -> Row:
    sender = by.institution == referral.from_institution
    return Row(
        referral=referral,
        patient_name=names.get(referral.patient, ""),
        to_name=names.get(f"Organization/{referral.to_institution}", ""),
        delivery=_sending(referral.deliveries.all()).state,
        actions=REFERRAL.allowed(referral.state, by.roles - {"partner"}) if sender else (),
    )


def _sending(deliveries: Iterable[Delivery]) -> Sending:
    rows = list(deliveries)
    open_rows = [row for row in rows if row.delivered_at is None]
    if not open_rows:
        return Sending(DELIVERY["sent" if rows else "waiting"])
    first = open_rows[0]
    return Sending(DELIVERY[first.standing], first.attempts, first.error)


def _step(row: TransitionRow, names: Mapping[str, str]) -> Step:
    return Step(
        at=row.at,
        label=REFERRAL.transitions[row.name].label,
        state=REFERRAL.states[row.to_state],
        who=names.get(row.by_reference, ""),
        reason=DECLINE_REASONS.get(row.facts.get("reason", ""), ""),
    )


def _note(note: Mapping[str, Any], names: Mapping[str, str]) -> Note:
    author = note.get("authorReference", {}).get("reference", "")
    who = names.get(author) or str(note.get("authorString", ""))
    return Note(at=str(note.get("time", "")), who=who, text=str(note["text"]))


def _outcomes(task: Mapping[str, Any], hospital: str) -> list[Note]:
    outputs = [each for each in task.get("output", []) if "valueString" in each]
    return [
        Note(at="", who=hospital, text=f"{_words(each['type'])} {each['valueString']}".strip())
        for each in outputs
    ]


def _status_reason(task: Mapping[str, Any], referral: Referral) -> str:
    words = _words(task.get("statusReason", {}))
    reason = DECLINE_REASONS.get(referral.decline_reason)
    return words or (gettext(reason) if reason else "")


def _authors(task: Mapping[str, Any]) -> list[str]:
    notes = task.get("note", [])
    return [note.get("authorReference", {}).get("reference", "") for note in notes]


def _packet(document: Mapping[str, Any]) -> list[tuple[str, Sequence[str]]]:
    held = {
        f"{entry['resource']['resourceType']}/{entry['resource']['id']}": entry["resource"]
        for entry in document["entry"]
    }
    sections = document["entry"][0]["resource"]["section"]
    return [
        (section["title"], [title_of(held[e["reference"]]) for e in section.get("entry", [])])
        for section in sections
        if "entry" in section or "emptyReason" in section
    ]


def _words(concept: Mapping[str, Any]) -> str:
    displays = [str(coding.get("display", "")) for coding in concept.get("coding", [])]
    return str(concept.get("text") or next(iter(displays), ""))


def _body(kind: str, logical_id: str) -> dict[str, Any]:
    return store.read(kind, logical_id, by=SYSTEM).body
