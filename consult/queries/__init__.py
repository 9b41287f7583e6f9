"""What pages show: filled dataclasses of ``consult.pages``, each with a fixed number of queries."""

from consult.queries.bills import bills_page, order_page
from consult.queries.board import board_page
from consult.queries.patient import end_page, start_page, summary_page, wait_page
from consult.queries.referrals import referral_page, referrals_page
from consult.queries.shell import shell
from consult.queries.visit_page import note_view, refer_form, visit_page
from consult.queries.visits import link_of, visit_for, visit_of

__all__ = [
    "bills_page",
    "board_page",
    "end_page",
    "link_of",
    "note_view",
    "order_page",
    "refer_form",
    "referral_page",
    "referrals_page",
    "shell",
    "start_page",
    "summary_page",
    "visit_for",
    "visit_of",
    "visit_page",
    "wait_page",
]
