"""Parts of console pages, drawn for one viewer: the answer to an act and the push of a socket.

Every part carries ``hx-swap-oob``: it finds its place by its id, and is dropped where the page
does not have that place.
"""

from typing import Any

from django.template.loader import render_to_string

from consult import queries
from consult.models import Visit
from kernel.principal import Principal

Context = dict[str, Any]


def board(principal: Principal, *, everyone: bool = False) -> str:
    """Every part of the board."""
    page = queries.board_page(principal, everyone=everyone)
    return _drawn(
        ("_day", {"day": page.day}),
        ("_waiting", {"rows": page.waiting, "next_up": page.next_up}),
        ("_today", {"rows": page.today, "tabs": page.today_tabs, "total": page.day.total}),
        ("_owed", {"rows": page.owed}),
        ("_replies", {"rows": page.replies, "refer_url": page.refer_url}),
        ("_rail", {"nav": queries.nav(principal, key="board")}),
    )


def rail(principal: Principal, *, key: str) -> str:
    """The rail alone, for the pages that show nothing else that changes."""
    return _drawn(("_rail", {"nav": queries.nav(principal, key=key)}))


def visit(principal: Principal, of: Visit) -> str:
    """What changes on the page of a visit; never the call's pictures or what is being typed."""
    page = queries.visit_page(principal, of)
    return _drawn(
        ("_state", {"state": page.state}),
        ("_banner", {"banner": page.banner, "next_up": page.next_up}),
        ("_call_actions", {"call": page.call}),
        ("_call_plate", {"call": page.call}),
        ("_finish_checks", {"checks": page.checks}),
        ("_finish", {"actions": page.actions}),
        ("_history", {"events": page.history}),
        ("_visit_referrals", {"rows": page.referrals}),
        ("_rail", {"nav": queries.nav(principal, key="visit")}),
    )


def note(principal: Principal, of: Visit, *, conflict: str = "") -> str:
    """What changes when the note was written: saved, diagnoses, what is lacking."""
    view = queries.note_view(principal, of)
    checks = () if view.locked else queries.checks(of)
    return _drawn(
        ("_saved", {"saved": view.saved, "note": view, "conflict": conflict}),
        ("_dx_list", {"note": view}),
        ("_finish_checks", {"checks": checks}),
    )


def referral(principal: Principal, referral_id: str) -> str:
    """What changes on the page of a referral."""
    page = queries.referral_page(principal, referral_id)
    return _drawn(
        ("_track", {"stops": page.stops}),
        ("_state", {"state": page.state}),
        ("_answer", {"url": page.answer_url}),
        ("_log", {"events": page.log}),
        ("_referral_actions", {"actions": page.actions}),
    )


def _drawn(*parts: tuple[str, Context]) -> str:
    return "".join(
        render_to_string(f"console/{name}.html", {**context, "oob": True})
        for name, context in parts
    )
