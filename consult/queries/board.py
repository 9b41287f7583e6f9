"""The board of one doctor: who waits, who comes today, what is owed, what hospitals answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from django.urls import reverse
from django.utils.translation import gettext as _

from consult.models import Visit
from consult.pages import (
    Action,
    Badge,
    BoardPage,
    Day,
    DaySlot,
    OwedRow,
    Promise,
    QueueRow,
    Tab,
    TodayRow,
)
from consult.queries.actions import open_action, state_badge, visit_actions
from consult.queries.people import UNKNOWN, Person, people
from consult.queries.record import warnings
from consult.queries.referrals import replies
from consult.workflow import VISIT
from kernel.clock import now
from kernel.principal import Principal
from kernel.transitions import Stateful
from payments import queries as payments

SIGN_WITHIN = timedelta(hours=2)
"""How long after a call its record should be signed."""

MOST_FLAGS = 2

KINDS: Mapping[str, str] = {
    "booked": "booked",
    "waiting": "wait",
    "called": "wait",
    "in_progress": "wait",
    "wrap_up": "owe",
    "completed": "done",
    "unsuitable_online": "done",
}
IDLE = ("no_show_patient", "no_show_clinician", "cancelled_by_patient", "cancelled_by_clinic")


@dataclass(frozen=True, slots=True)
class Listed:
    """A visit with what lists show beside it."""

    visit: Visit
    person: Person
    order: Stateful | None

    @property
    def url(self) -> str:
        """Where it opens."""
        return reverse("console:visit", args=(self.visit.public_id,))


def board_page(principal: Principal, *, everyone: bool = False) -> BoardPage:
    """``console/board.html`` for one doctor; ``everyone`` lists the visits that are over, too."""
    listed = _listed(principal)
    waiting = [item for item in listed if item.visit.state in ("waiting", "called", "in_progress")]
    waiting.sort(key=lambda item: item.visit.waiting_since or item.visit.start)
    coming = [item for item in listed if item.visit.state == "booked"]
    return BoardPage(
        day=_day(listed),
        waiting=_queue(waiting, principal),
        today=[_today_row(item, principal) for item in listed if everyone or not _over(item)],
        owed=[_owed(item) for item in listed if item.visit.state == "wrap_up"],
        replies=replies(principal),
        today_tabs=_tabs(everyone),
        next_up=_next_up(coming),
        refer_url=reverse("console:referrals"),
    )


def _listed(principal: Principal) -> list[Listed]:
    mine = Visit.objects.of_doctor(principal.reference, principal.institution)
    today = mine.on_day_of(now())
    # Whoever is here, or is still to be signed, stays on the board after midnight.
    left_over = mine.filter(state__in=("waiting", "called", "in_progress", "wrap_up"))
    visits = sorted((today | left_over).distinct(), key=lambda visit: visit.start)
    known = people((visit.patient for visit in visits), by=principal)
    orders = payments.orders_for([visit.purpose for visit in visits])
    return [
        Listed(visit, known.get(visit.patient, UNKNOWN), orders.get(visit.purpose))
        for visit in visits
    ]


def _queue(waiting: Sequence[Listed], principal: Principal) -> list[QueueRow]:
    warned = warnings((item.visit.patient for item in waiting), by=principal)
    return [
        replace(
            _queue_row(item, principal, first=not place),
            flags=[*warned.get(item.visit.patient, ()), *_flags(item.visit)][:MOST_FLAGS],
        )
        for place, item in enumerate(waiting)
    ]


def _queue_row(item: Listed, principal: Principal, *, first: bool) -> QueueRow:
    visit, person = item.visit, item.person
    told = Promise(visit.told_low or 0, visit.told_high) if visit.told_high else None
    return QueueRow(
        id=visit.public_id,
        name=person.name,
        sex=person.sex,
        age=person.age,
        url=item.url,
        since=visit.waiting_since or visit.start,
        reason=visit.reason,
        promise=told,
        facts=_facts(visit),
        ready=state_badge(visit) if visit.state != "waiting" else _readiness(item),
        actions=_raised(visit_actions(visit, principal, "call_in", "take_back"), first=first),
    )


def _facts(visit: Visit) -> list[Badge]:
    facts = []
    if visit.rehearsal:
        facts.append(Badge(_("Rehearsal"), "idle", "idle"))
    if visit.pay_later:
        facts.append(Badge(_("Contracted"), "idle", "doc"))
    return facts


def _flags(visit: Visit) -> list[Badge]:
    if not visit.calls:
        return []
    said = _("Called %(count)d times without an answer") % {"count": visit.calls}
    return [Badge(said, "warn", "phone")]


def _readiness(item: Listed) -> Badge:
    if item.visit.video_works is False:
        return Badge(_("Video does not work"), "warn", "video")
    return Badge(_("Ready"), "ok")


def _today_row(item: Listed, principal: Principal) -> TodayRow:
    visit, person = item.visit, item.person
    return TodayRow(
        id=visit.public_id,
        at=visit.start,
        name=person.name,
        sex=person.sex,
        age=person.age,
        url=item.url,
        reason=visit.reason,
        state=state_badge(visit),
        ready=_steps(item),
        past=_over(item),
        actions=_next_step(item, principal),
    )


def _next_step(item: Listed, principal: Principal) -> list[Action]:
    if item.visit.state == "wrap_up":
        return [_to_sign(item)]
    return _raised(visit_actions(item.visit, principal, "call_in"), first=False)


def _to_sign(item: Listed) -> Action:
    return open_action(item.url, _("Sign"), icon="pen")


def _steps(item: Listed) -> Badge:
    visit = item.visit
    paid = visit.pay_later or not visit.fee or (item.order and item.order.state == "paid")
    lacking = [
        word
        for there, word in (
            (visit.identified_at, _("identity")),
            (visit.consented_at, _("consent")),
            (paid, _("payment")),
        )
        if not there
    ]
    done = f"{3 - len(lacking)}/3"
    if not lacking:
        return Badge(done, "ok")
    said = _("%(done)s, lacks %(what)s") % {"done": done, "what": lacking[0]}
    return Badge(said, "idle" if visit.state == "booked" else "warn")


def _owed(item: Listed) -> OwedRow:
    visit = item.visit
    due = (visit.ended_at or visit.end) + SIGN_WITHIN
    return OwedRow(
        id=visit.public_id,
        due=due,
        tone="crit" if due < now() else "warn",
        name=item.person.name,
        what=_("Sign the record of the visit"),
        detail=visit.reason,
        actions=[_to_sign(item)],
    )


def _day(listed: Sequence[Listed]) -> Day:
    states = [item.visit.state for item in listed]
    return Day(
        now=now(),
        seen=sum(state in ("wrap_up", "completed", "unsuitable_online") for state in states),
        waiting=sum(state in ("waiting", "called", "in_progress") for state in states),
        absent=sum(state in IDLE for state in states),
        expected=states.count("booked"),
        slots=[_slot(item) for item in listed],
    )


def _slot(item: Listed) -> DaySlot:
    visit = item.visit
    return DaySlot(
        at=visit.start,
        minutes=int((visit.end - visit.start) / timedelta(minutes=1)),
        kind=KINDS.get(visit.state, "missed"),  # type: ignore[arg-type]
        label=item.person.name,
        url=item.url,
    )


def _next_up(coming: Sequence[Listed]) -> str:
    return coming[0].person.name if coming else ""


def _over(item: Listed) -> bool:
    return VISIT.is_final(item.visit.state)


def _raised(actions: Sequence[Action], *, first: bool) -> list[Action]:
    """One primary button a region: it belongs to who has waited longest."""
    return [replace(action, primary=action.primary and first) for action in actions]


def _tabs(everyone: bool) -> list[Tab]:
    url = reverse("console:board")
    return [
        Tab(_("To do"), url, current=not everyone),
        Tab(_("All"), f"{url}?all=1", current=everyone),
    ]
