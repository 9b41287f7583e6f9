"""Pages of referrals and of bills."""

from collections.abc import Callable
from typing import Any

from django.http import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from accounts.doors import StaffRequest
from consult import queries
from consult.console.door import console
from consult.console.views import CLINICAL, show
from kernel.errors import Missing
from kernel.principal import Principal
from payments import queries as orders
from payments import services as payments
from records import audit
from referrals import queries as referrals
from referrals import services as refer

MONEY = ("cashier", "doctor", "admin", "auditor")


@require_GET
@console(*CLINICAL)
def referral_list(request: StaffRequest) -> HttpResponseBase:
    """Referrals of the institution."""
    page = queries.referrals_page(request.principal, over="over" in request.GET)
    return show(request, "console/referrals.html", page, key="refer")


@require_GET
@console(*CLINICAL)
def referral(request: StaffRequest, referral_id: str) -> HttpResponseBase:
    """One referral."""
    found = referrals.referral_for(referral_id, request.principal)
    audit.opened(request.principal, found.patient, keeper=found.from_institution)
    page = queries.referral_page(request.principal, referral_id)
    socket = f"/ws/console/referrals/{referral_id}/"
    return show(request, "console/referral.html", page, key="refer", socket=socket)


@require_POST
@console("doctor")
def referral_act(request: StaffRequest, referral_id: str, name: str) -> HttpResponseBase:
    """Do a transition of the referral's table."""
    found = referrals.referral_for(referral_id, request.principal)
    if name not in REFERRAL_ACTS:
        raise Missing("no such act")
    REFERRAL_ACTS[name](found, by=request.principal)
    return redirect("console:referral", referral_id)


@require_POST
@console("doctor")
def referral_answer(request: StaffRequest, referral_id: str) -> HttpResponseBase:
    """Answer what the hospital asked."""
    found = referrals.referral_for(referral_id, request.principal)
    refer.answer(found, text=request.POST.get("text", ""), by=request.principal)
    return redirect("console:referral", referral_id)


@require_GET
@console(*MONEY)
def bills(request: StaffRequest) -> HttpResponseBase:
    """Orders of the institution."""
    page = queries.bills_page(request.principal, view=request.GET.get("view", ""))
    return show(request, "console/bills.html", page, key="bills")


@require_GET
@console(*MONEY)
def order(request: StaffRequest, order_id: str) -> HttpResponseBase:
    """The orders with one of them open."""
    page = queries.bills_page(request.principal, selected=order_id)
    return show(request, "console/bills.html", page, key="bills")


@require_POST
@console("cashier", "admin")
def order_act(request: StaffRequest, order_id: str, name: str) -> HttpResponseBase:
    """Refund, close, or ask the gateway."""
    found = orders.order(order_id, by=request.principal)
    if name not in ORDER_ACTS:
        raise Missing("no such act")
    ORDER_ACTS[name](found, request.principal)
    return redirect("console:order", order_id)


def _refund(found: Any, by: Principal) -> None:
    payments.request_refund(found, reason="cashier", by=by)


def _close(found: Any, by: Principal) -> None:
    payments.close(found, by=by)


def _retry(found: Any, by: Principal) -> None:
    payments.retry_refund(found, by=by)


def _refresh(found: Any, by: Principal) -> None:
    payments.refresh(found, by=by)


ORDER_ACTS: dict[str, Callable[[Any, Principal], None]] = {
    "refund": _refund,
    "close": _close,
    "retry": _retry,
    "refresh": _refresh,
}
REFERRAL_ACTS: dict[str, Callable[..., object]] = {
    "withdraw": refer.withdraw,
    "ask_cancel": refer.ask_cancel,
    "close": refer.close,
    "resend": refer.resend,
}
