"""What a gateway said, brought into our books: database only, idempotent, in any order."""

import logging

from django.db import transaction

from kernel.clock import now
from kernel.principal import SYSTEM, Principal
from kernel.transitions import apply, lock
from payments import ledger
from payments.errors import GatewayError
from payments.gateways.base import Charge, Repayment
from payments.models import Order, Payment, Refund

log = logging.getLogger(__name__)

UNPAID = ("created", "awaiting_payment")
LATE = "paid after the order was closed"
TWICE = "paid a second time"


def by_gateway(name: str) -> Principal:
    """Who acts when the gateway ``name`` says that money moved."""
    return Principal(reference=f"Device/{name}", roles=frozenset({"gateway"}))


@transaction.atomic
def settle(payment: Payment, charge: Charge) -> Payment:
    """Book what the gateway says of ``payment``; saying it again changes nothing.

    Raises GatewayError when the sum is not ours; then nothing is written.
    """
    order = lock(payment.order)
    payment = Payment.objects.select_for_update().get(pk=payment.pk)
    if charge.state == "paid" and payment.paid_at is None:
        _check_sum(payment.number, charge.amount, payment.amount)
        _collect(order, payment, charge)
    elif charge.state == "closed" and payment.is_open:
        close_payment(payment)
    return payment


def close_payment(payment: Payment) -> None:
    """Nothing more is expected from this attempt."""
    payment.closed_at, payment.ask_at = now(), None
    payment.save(update_fields=["closed_at", "ask_at"])


def _check_sum(number: str, said: int, ours: int) -> None:
    if said != ours:
        log.error("gateway: %s is about %s fen, ours about %s", number, said, ours)
        raise GatewayError("the gateway's sum differs from ours", permanent=True, code="SUM")


def _collect(order: Order, payment: Payment, charge: Charge) -> None:
    payment.paid_at, payment.ask_at = charge.paid_at or now(), None
    payment.transaction = charge.transaction
    payment.save(update_fields=["paid_at", "ask_at", "transaction"])
    by = by_gateway(payment.gateway)
    facts = {"payment": payment.number, "amount": payment.amount}
    if order.state in UNPAID:
        changes = {"paid_at": payment.paid_at, "gateway": payment.gateway}
        ledger.book_settled(apply(order, "settle", by=by, changes=changes, facts=facts))
        return
    late = order.state == "closed"
    ledger.book_surplus(payment)
    Refund.objects.create(payment=payment, reason=LATE if late else TWICE, surplus=True)
    if late:
        apply(order, "settle_late", by=by, facts=facts)


@transaction.atomic
def settle_refund(refund: Refund, repayment: Repayment) -> Refund:
    """Book what the gateway says of ``refund``; saying it again changes nothing.

    Raises GatewayError when the sum is not ours; then nothing is written.
    """
    order = lock(refund.payment.order)
    refund = (
        Refund.objects.select_for_update(of=("self",))
        .select_related("payment__order")
        .get(pk=refund.pk)
    )
    if refund.done_at is not None or repayment.number != refund.number:
        return refund
    match repayment.state:
        case "done":
            _check_sum(refund.number, repayment.amount, refund.amount)
            _returned(order, refund)
        case "processing" if refund.sent_at is None:
            _sent(order, refund)
        case "failed" if refund.failed_at is None:
            refund = fail_refund(refund, repayment.says)
        case "unknown":
            # The request never arrived: the next round sends it again, under the same number.
            Refund.objects.filter(pk=refund.pk).update(sent_at=None)
    return refund


def _sent(order: Order, refund: Refund) -> None:
    refund.sent_at = now()
    refund.save(update_fields=["sent_at"])
    if not refund.surplus and order.state == "refund_due":
        apply(order, "send_refund", by=SYSTEM, facts={"refund": refund.number})


def _returned(order: Order, refund: Refund) -> None:
    refund.done_at, refund.ask_at, refund.failed_at = now(), None, None
    refund.sent_at = refund.sent_at or refund.done_at
    refund.save(update_fields=["done_at", "ask_at", "failed_at", "sent_at"])
    ledger.book_refunded(refund)
    by = by_gateway(refund.payment.gateway)
    facts = {"refund": refund.number, "amount": refund.amount}
    if not refund.surplus:
        apply(order, "refund_done", by=by, facts=facts)
    elif order.state == "closed":
        apply(order, "return_late", by=by, facts=facts)


@transaction.atomic
def fail_refund(refund: Refund, why: str) -> Refund:
    """The gateway will not do it; a person must look."""
    order = lock(refund.payment.order)
    number, refund = refund.number, Refund.objects.select_for_update().get(pk=refund.pk)
    if refund.done_at or refund.failed_at or refund.number != number:
        return refund  # somebody else's answer came first
    refund.failed_at, refund.failure, refund.ask_at = now(), why[:64], None
    refund.save(update_fields=["failed_at", "failure", "ask_at"])
    log.error("refund %s failed: %s", refund.number, refund.failure)
    if not refund.surplus and order.state in ("refund_due", "refunding"):
        by = by_gateway(refund.payment.gateway)
        apply(order, "refund_fail", by=by, facts={"refund": refund.number, "why": refund.failure})
    return refund
