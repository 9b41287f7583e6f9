"""Referrals as the console shows them."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from django.db.models import prefetch_related_objects
from django.urls import reverse
from django.utils.translation import gettext as _

from consult.pages import (
    Action,
    Badge,
    Check,
    Debt,
    Event,
    Notice,
    ReferralLine,
    ReferralPage,
    ReferralRow,
    ReferralsPage,
    ReplyRow,
    Stop,
    Tab,
)
from consult.queries.actions import badge, open_action, state_badge
from consult.queries.people import UNKNOWN, people
from consult.queries.record import allergies
from kernel.principal import Principal
from kernel.workflow import Tone
from referrals import queries as referrals
from referrals.queries import Detail, Row
from referrals.workflow import PURPOSES, URGENCIES

URGENCY_TONES: dict[str, Tone] = {
    "emergency": "crit",
    "urgent": "warn",
    "soon": "info",
    "routine": "idle",
}
SILENT = ("draft", "submitted", "closed", "cancelled", "cancel_requested")
"""States that are no answer of the other side."""


def replies(principal: Principal) -> list[ReplyRow]:
    """What hospitals answered to this doctor's referrals, newest first."""
    rows = [row for row in referrals.inbox(principal) if _is_answer(row, principal)]
    since = _since(rows)
    known = people((row.referral.patient for row in rows), by=principal)
    found = [
        ReplyRow(
            id=row.referral.public_id,
            at=since[row.referral.public_id],
            state=state_badge(row.referral),
            name=row.patient_name,
            sex=known.get(row.referral.patient, UNKNOWN).sex,
            age=known.get(row.referral.patient, UNKNOWN).age,
            detail=row.to_name,
            fresh=row.referral.state in ("accepted", "declined", "info_needed"),
            actions=[open_action(_url(row), _("Open"))],
        )
        for row in rows
    ]
    return sorted(found, key=lambda reply: reply.at, reverse=True)


def lines(visit_id: str, principal: Principal) -> list[ReferralLine]:
    """The referrals that came out of one visit."""
    rows = referrals.referrals_of_visit(visit_id, principal)
    since = _since(rows)
    return [
        ReferralLine(
            to=row.to_name,
            state=state_badge(row.referral),
            url=_url(row),
            at=since[row.referral.public_id],
        )
        for row in rows
    ]


def referrals_page(principal: Principal, *, over: bool = False) -> ReferralsPage:
    """``console/referrals.html``: what is live or owed, or what is over."""
    rows = referrals.ended(principal) if over else referrals.inbox(principal)
    known = people((row.referral.patient for row in rows), by=principal)
    url = reverse("console:referrals")
    return ReferralsPage(
        rows=[
            ReferralRow(
                id=row.referral.public_id,
                at=row.referral.created_at,
                name=row.patient_name,
                sex=known.get(row.referral.patient, UNKNOWN).sex,
                age=known.get(row.referral.patient, UNKNOWN).age,
                direction=_direction(),
                urgency=_urgency(row),
                other=row.to_name,
                reason=_(PURPOSES[row.referral.purpose]),
                state=_shown(row),
                url=_url(row),
                owes=_owes(row),
            )
            for row in rows
        ],
        tabs=[
            Tab(_("Under way"), url, None if over else len(rows), current=not over),
            Tab(_("Over"), f"{url}?over=1", len(rows) if over else None, current=over),
        ],
    )


def referral_page(principal: Principal, referral_id: str) -> ReferralPage:
    """``console/referral.html``. Raises Missing."""
    detail = referrals.detail(referral_id, principal)
    row = detail.row
    referral = row.referral
    person = people([referral.patient], by=principal).get(referral.patient, UNKNOWN)
    return ReferralPage(
        id=referral.public_id,
        number=referral.public_id[-12:],
        banner=person.banner(allergies=allergies(referral.patient, by=principal)),
        direction=_direction(),
        urgency=_urgency(row),
        state=state_badge(referral),
        stops=_stops(row),
        reason=detail.reason,
        purpose=_(PURPOSES[referral.purpose]),
        summary=detail.summary,
        packet=[_packed(title, papers) for title, papers in detail.packet],
        answers=[(note.who, note.text) for note in detail.notes],
        log=[
            Event(step.at, step.who, _said(step.label, step.reason), step.state.tone)
            for step in detail.timeline
        ],
        notice=_notice(detail),
        actions=_actions(row),
        answer_url=_answer_url(row),
    )


def _is_answer(row: Row, principal: Principal) -> bool:
    return row.referral.requester == principal.reference and row.referral.state not in SILENT


def _since(rows: Sequence[Row]) -> dict[str, datetime]:
    """Since when each referral is in its state; one query."""
    things = [row.referral for row in rows]
    prefetch_related_objects(things, "transitions")
    return {
        thing.public_id: max(
            (step.at for step in thing.transitions.all()), default=thing.created_at
        )
        for thing in things
    }


def _url(row: Row) -> str:
    return reverse("console:referral", args=(row.referral.public_id,))


def _direction() -> Badge:
    return Badge(_("Up"), "info", "route")


def _urgency(row: Row) -> Badge:
    word = row.referral.urgency
    return Badge(_(URGENCIES[word]), URGENCY_TONES[word])


def _shown(row: Row) -> Badge:
    """The state, unless the news is that the message has not arrived."""
    if row.delivery.name in ("retrying", "stuck"):
        return badge(row.delivery)
    return state_badge(row.referral)


def _owes(row: Row) -> str:
    return _("We owe the next step") if row.owed else ""


def _packed(title: str, papers: Sequence[str]) -> Check:
    if not papers:
        return Check(title, "idle", _("Nothing on record"))
    times = Counter(papers)
    return Check(title, "ok", "、".join(_times(what, count) for what, count in times.items()))


def _times(what: str, count: int) -> str:
    return f"{what} ×{count}" if count > 1 else what


def _said(label: str, reason: str) -> str:
    return f"{_(label)}: {_(reason)}" if reason else _(label)


def _notice(detail: Detail) -> Notice | None:
    if detail.sending.state.name in ("retrying", "stuck"):
        said = _("The hospital's system did not take it. It stays here and is tried again.")
        return Notice(_(detail.sending.state.label), said, detail.sending.state.tone)
    if detail.status_reason:
        state = detail.row.referral.state_shown
        return Notice(_(state.label), detail.status_reason, state.tone)
    return None


def _stops(row: Row) -> list[Stop]:
    """Here, there, and back with us: who has the patient and who owes the next step."""
    referral = row.referral
    there = referral.state in ("arrived", "in_care")
    back = referral.state in ("outcome_reported", "closed")
    over = referral.state in ("declined", "cancelled")
    debt = Debt(_("We"), _("the next step"), "warn") if row.owed else None
    waits = Debt(row.to_name, _("the next step"), "info") if _hospital_owes(row) else None
    return [
        Stop(
            name=_("Our health centre"),
            phase="here" if over or not (there or back) else "done",
            lines=[_("Referred by us")],
            leg=_shown(row),
            owes=debt if not back else None,
        ),
        Stop(
            name=row.to_name,
            phase="here" if there else "done" if back else "next",
            lines=[_(PURPOSES[referral.purpose])],
            owes=waits,
            icon="bed",
        ),
        Stop(
            name=_("Back with the family doctor"),
            phase="here" if back else "next",
            owes=debt if back else None,
        ),
    ]


def _hospital_owes(row: Row) -> bool:
    return not row.owed and not row.referral.workflow.is_final(row.referral.state)


def _answer_url(row: Row) -> str:
    if not any(transition.name == "answer" for transition in row.actions):
        return ""
    return reverse("console:refer-answer", args=(row.referral.public_id,))


def _actions(row: Row) -> list[Action]:
    found = [
        Action(
            name=transition.name,
            label=_(transition.label),
            url=reverse("console:refer-act", args=(row.referral.public_id, transition.name)),
            primary=transition.name == "close",
            danger=transition.name in ("withdraw", "ask_cancel"),
            confirm=_("Really?") if transition.name in ("withdraw", "ask_cancel") else "",
        )
        for transition in row.actions
        if transition.name in ("withdraw", "ask_cancel", "close")
    ]
    if row.delivery.name in ("retrying", "stuck"):
        url = reverse("console:refer-act", args=(row.referral.public_id, "resend"))
        found.append(Action("resend", _("Send again"), url, primary=True))
    return found
