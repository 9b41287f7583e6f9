"""Orders of an institution as the cashier sees them."""

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db.models import Count, Q, Sum
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import queries as directory
from consult.pages import (
    Action,
    Balance,
    BillsPage,
    BillTotals,
    Event,
    Money,
    OrderPage,
    OrderRow,
    Tab,
)
from consult.queries.actions import state_badge
from kernel.clock import now, today
from kernel.principal import Principal
from payments import queries as payments
from payments.workflow import ORDER

if TYPE_CHECKING:
    from payments.models import Order

MOST = 100
CREDIT_ACCOUNTS = ("income", "owed-to-patient")
STUCK_AFTER = timedelta(minutes=15)
REMEMBERED = timedelta(days=60)
"""How old an order may be whose money still counts as today's or as stuck."""
VIEWS = {
    "": (),
    "open": ("created", "awaiting_payment"),
    "refunds": ("refund_due", "refunding", "refund_failed"),
}


def bills_page(principal: Principal, *, view: str = "", selected: str = "") -> BillsPage:
    """``console/bills.html``: orders of the principal's institution, newest first.

    Raises Missing for a selected order that is not theirs.
    """
    found = list(payments.orders(principal.institution, states=VIEWS.get(view, ()))[:MOST])
    names = directory.names(order.payer for order in found)
    return BillsPage(
        totals=_totals(principal),
        orders=[_row(order, names, selected) for order in found],
        balances=_balances(principal),
        order=order_page(principal, selected) if selected else None,
        tabs=_tabs(view),
    )


def order_page(principal: Principal, order_id: str) -> OrderPage:
    """``console/_order.html``. Raises Missing."""
    order = payments.order(order_id, by=principal)
    rows = payments.history(order)
    names = directory.names([order.payer, *(row.by_reference for row in rows)])
    return OrderPage(
        number=order.public_id,
        name=names.get(order.payer, ""),
        what=order.description,
        money=_money(order),
        state=state_badge(order),
        gateway=_gateway(order.gateway),
        history=[
            *(
                Event(
                    at=row.at,
                    who=names.get(row.by_reference, ""),
                    what=_(ORDER.transitions[row.name].label),
                    tone=ORDER.states[row.to_state].tone,
                )
                for row in reversed(rows)
            ),
            Event(order.created_at, "", _("Opened")),
        ],
        actions=_actions(order, principal),
    )


def _row(order: "Order", names: dict[str, str], selected: str) -> OrderRow:
    return OrderRow(
        id=order.public_id,
        at=order.created_at,
        name=names.get(order.payer, ""),
        what=order.description,
        money=_money(order),
        state=state_badge(order),
        url=reverse("console:order", args=(order.public_id,)),
        selected=order.public_id == selected,
    )


def _money(order: "Order") -> Money:
    return Money(order.fee, order.fund, order.account, order.cash)


def _totals(principal: Principal) -> BillTotals:
    orders = payments.orders(principal.institution).filter(created_at__gte=now() - REMEMBERED)
    taken = Q(paid_at__date=today())
    due = Q(state__in=("refund_due", "refunding"))
    stuck = Q(state="refund_failed") | Q(
        state="awaiting_payment", created_at__lt=now() - STUCK_AFTER
    )
    # An alias that is also a column would hide the column from the sums after it.
    sums = orders.order_by().aggregate(
        # Before the sums that take the columns' own names.
        due=Sum("cash", filter=due, default=0),
        count=Count("pk", filter=taken),
        taken_fee=Sum("fee", filter=taken, default=0),
        taken_fund=Sum("fund", filter=taken, default=0),
        taken_account=Sum("account", filter=taken, default=0),
        taken_cash=Sum("cash", filter=taken, default=0),
        refunds=Count("pk", filter=due),
        stuck=Count("pk", filter=stuck),
    )
    return BillTotals(
        count=sums["count"],
        money=Money(*(sums[f"taken_{part}"] for part in ("fee", "fund", "account", "cash"))),
        refunds=sums["refunds"],
        refunds_due=sums["due"],
        stuck=sums["stuck"],
    )


def _balances(principal: Principal) -> list[Balance]:
    found = payments.ledger_balances(principal.institution)
    return [
        # What was earned or is owed stands on the credit side; a cashier reads it above zero.
        Balance(_account(code), -amount if code in CREDIT_ACCOUNTS else amount)
        for code, amount in sorted(found.items())
    ]


def _account(code: str) -> str:
    words = {
        "income": _("Fees earned"),
        "owed-to-patient": _("Owed to patients"),
        "insurance-fund": _("Due from the insurance fund"),
        "insurance-account": _("Due from personal accounts"),
    }
    if code.startswith("gateway:"):
        return _("At the gateway %(name)s") % {"name": _gateway(code.removeprefix("gateway:"))}
    return words[code]


def _gateway(name: str) -> str:
    return {"wechat": _("WeChat Pay")}.get(name, name)


def _tabs(view: str) -> list[Tab]:
    url = reverse("console:bills")
    words: Iterable[tuple[str, str]] = (
        ("", _("All")),
        ("open", _("Not paid")),
        ("refunds", _("Refunds")),
    )
    return [Tab(word, f"{url}?view={key}", current=key == view) for key, word in words]


def _actions(order: "Order", principal: Principal) -> list[Action]:
    if not principal.has("cashier", "admin"):
        return []
    verbs = {
        "ask_refund": ("refund", _("Give the whole amount back?")),
        "close": ("close", _("Close this order without payment?")),
        "retry_refund": ("retry", ""),
    }
    found = [
        Action(
            name=verb,
            label=_(transition.label),
            url=reverse("console:order-act", args=(order.public_id, verb)),
            danger=verb == "refund",
            confirm=confirm,
        )
        for transition in order.open_to(principal)
        if transition.name in verbs
        for verb, confirm in (verbs[transition.name],)
    ]
    if order.state in ("awaiting_payment", "refunding", "refund_due"):
        url = reverse("console:order-act", args=(order.public_id, "refresh"))
        found.append(Action("refresh", _("Ask the gateway"), url))
    return found
