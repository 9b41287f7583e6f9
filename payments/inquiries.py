"""Asking gateways: about payments, about refunds, and the rounds that forget none of them.

Network calls happen here, outside of database transactions; what comes of them is booked by
``payments.settlement``. Rounds claim a row by moving its ``ask_at`` on, so that parallel workers
share the work and a killed one's row comes due again.
"""

import logging
from datetime import timedelta
from typing import TypeVar

from django.db import transaction
from django.db.models import F

from kernel.clock import now
from kernel.errors import Refused
from kernel.principal import SYSTEM
from kernel.transitions import apply, lock
from payments import settlement
from payments.errors import GatewayError, NotConfigured
from payments.gateways import gateway
from payments.gateways.base import Charge
from payments.models import Order, Payment, Refund

log = logging.getLogger(__name__)

FIRST_QUESTION = timedelta(seconds=15)
LONGEST_WAIT = timedelta(minutes=10)
# A gateway that has not heard of a payment this long after we told it about it never will.
FORGET_AFTER = timedelta(minutes=10)
# The page lives five minutes; an attempt that nobody finished in this time makes room.
ATTEMPT_LIFE = timedelta(minutes=30)
# An unreachable gateway keeps an expired order open this long: the payer may have paid.
EXPIRY_GRACE = timedelta(hours=1)
ROUND = 200

R = TypeVar("R", Payment, Refund)


def ask(payment: Payment) -> Payment:
    """Ask the gateway about a payment and book the answer. Raises GatewayError."""
    charge = gateway(payment.gateway).query(payment.number)
    payment = settlement.settle(payment, charge)
    if payment.is_open and _is_over(payment, charge):
        payment = retire(payment, charge)
    return payment


def _is_over(payment: Payment, charge: Charge) -> bool:
    if charge.state == "unknown":
        return payment.created_at + FORGET_AFTER < now()
    if payment.created_at + ATTEMPT_LIFE < now():
        return True
    return payment.order.state not in settlement.UNPAID


def retire(payment: Payment, charge: Charge | None = None) -> Payment:
    """Make an open attempt impossible; if it was paid meanwhile, book that. Raises GatewayError."""
    charge = charge or gateway(payment.gateway).query(payment.number)
    if charge.state in ("waiting", "unknown"):
        charge = _close(payment)
    return settlement.settle(payment, charge)


def _close(payment: Payment) -> Charge:
    door = gateway(payment.gateway)
    try:
        door.close(payment.number)
    except GatewayError as error:
        if error.code not in ("ORDERPAID", "ORDER_PAID"):
            raise
        return door.query(payment.number)
    return Charge(payment.number, "closed")


def pursue(refund: Refund) -> Refund:
    """Send a refund, or ask about a sent one, and book the answer. Raises GatewayError."""
    payment, door = refund.payment, gateway(refund.payment.gateway)
    if refund.sent_at is not None:
        return settlement.settle_refund(refund, door.query_refund(refund.number))
    try:
        answer = door.refund(
            number=refund.number,
            payment=payment.number,
            amount=refund.amount,
            total=payment.amount,
            reason=refund.reason,
        )
    except GatewayError as error:
        if error.permanent and not isinstance(error, NotConfigured):
            settlement.fail_refund(refund, error.code or "refused")
        raise
    return settlement.settle_refund(refund, answer)


def ask_due() -> int:
    """One round over payments that are due to be asked about; how many were asked."""
    due = Payment.objects.filter(ask_at__lte=now()).select_related("order")[:ROUND]
    return sum(_try(payment) for payment in due)


def pursue_due() -> int:
    """One round over refunds that are due; how many moved on."""
    due = Refund.objects.filter(ask_at__lte=now()).select_related("payment__order")[:ROUND]
    return sum(_try(refund) for refund in due)


def close_expired() -> int:
    """Close orders whose time is over, after asking whether they were paid; how many closed."""
    late = Order.objects.filter(state__in=settlement.UNPAID, expires_at__lte=now())
    return sum(_expire(order) for order in late.order_by("expires_at")[:ROUND])


def _expire(order: Order) -> bool:
    try:
        for payment in order.payments.filter(paid_at=None, closed_at=None).select_related("order"):
            retire(payment)
    except GatewayError as error:
        log.warning("order %s: expiry: %s", order.public_id, error.says)
        if order.expires_at + EXPIRY_GRACE > now():
            return False
    try:
        apply(order, "close", by=SYSTEM, facts={"reason": "expired"})
    except Refused:  # paid a moment ago
        return False
    return True


def _try(row: R) -> bool:
    """Claim a row and do what is due; failing leaves it for the next round."""
    if not _claim(row):
        return False
    try:
        if isinstance(row, Payment):
            ask(row)
        else:
            pursue(row)
    except GatewayError as error:
        log.warning("%s: %s", row, error.says)
        return False
    return True


def _claim(row: R) -> bool:
    wait = min(FIRST_QUESTION * 2 ** min(row.asked, 8), LONGEST_WAIT)
    mine = type(row)._base_manager.filter(pk=row.pk, ask_at=row.ask_at)
    return mine.update(ask_at=now() + wait, asked=F("asked") + 1) == 1


@transaction.atomic
def renew(refund: Refund) -> None:
    """Let a failed refund be tried again.

    Under a fresh number only when the gateway closed the old one for good. ABNORMAL keeps its
    number: the gateway still holds that refund for its desk, a second one could pay twice.
    """
    lock(refund.payment.order)
    refund.refresh_from_db()
    if refund.failed_at is None:
        return
    if refund.failure == "CLOSED":
        refund.number = Refund._meta.get_field("number").get_default()
    if refund.failure != "ABNORMAL":
        refund.sent_at = None
    refund.failed_at, refund.failure, refund.ask_at, refund.asked = None, "", now(), 0
    refund.save()
