"""What pages show: filled dataclasses of ``consult.pages``, each with a fixed number of queries."""

from consult.queries.bills import bills_page, order_page
from consult.queries.board import board_page
from consult.queries.home import home_page, own_visit
from consult.queries.patient import (
    call_page,
    doctor_of,
    end_page,
    expired_page,
    place_of,
    start_page,
    step_of,
    summary_page,
    wait_page,
)
from consult.queries.referrals import referral_page, referrals_page
from consult.queries.shell import nav, shell, titles
from consult.queries.visit_page import (
    check_words,
    checks,
    hits,
    note_view,
    refer_form,
    saved,
    visit_page,
)
from consult.queries.visits import link_of, visit_for

__all__ = [
    "bills_page",
    "board_page",
    "call_page",
    "check_words",
    "checks",
    "doctor_of",
    "end_page",
    "expired_page",
    "hits",
    "home_page",
    "link_of",
    "nav",
    "note_view",
    "order_page",
    "own_visit",
    "place_of",
    "refer_form",
    "referral_page",
    "referrals_page",
    "saved",
    "shell",
    "start_page",
    "step_of",
    "summary_page",
    "titles",
    "visit_for",
    "visit_page",
    "wait_page",
]
