"""What upper floors may do with orders. Every verb takes who does it; none trusts a browser."""

import logging
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urljoin

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from kernel.clock import now
from kernel.errors import Busy, Conflict, Forbidden, Invalid, Missing, Refused
from kernel.principal import SYSTEM, Principal
from kernel.transitions import apply, lock
from payments import inquiries, ledger, settlement
from payments.errors import GatewayError, NotConfigured
from payments.gateways import gateway as gateway_named
from payments.gateways.base import Request
from payments.models import Order, Payment, Refund
from payments.split import NO_COVER, Cover, split

log = logging.getLogger(__name__)

PAY_WITHIN = timedelta(hours=2)
URL_LIFE = timedelta(seconds=270)  # the gateway's page lives 300 s
SHORTEST = timedelta(minutes=1)  # the gateway takes no payment that ends sooner
BEING_MADE = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class PaymentStart:
    """Where the payer's browser goes now."""

    url: str


def open_order(
    *,
    purpose: str,
    payer: str,
    institution: str,
    description: str,
    fee: int,
    by: Principal,
    cover: Cover = NO_COVER,
    pay_within: timedelta = PAY_WITHIN,
) -> Order:
    """The order for ``purpose``: a new one, or the one that is there (a closed one does not count).

    ``payer`` is a FHIR reference, ``institution`` a public id, ``fee`` whole fen,
    ``description`` what the payer reads at the gateway (no health data). An order without cash to
    collect is paid at once. Raises Invalid, Forbidden, and Conflict when the order that is there
    is for another payer, institution or fee.
    """
    _may_open(payer, institution, by)
    try:
        parts = split(fee, cover)
    except ValueError as error:
        raise Invalid("fee", str(error)) from None
    fresh = Order(
        purpose=purpose,
        payer=payer,
        institution=institution,
        description=description[:120],
        fee=fee,
        fund=parts.fund,
        account=parts.account,
        cash=parts.cash,
        expires_at=now() + pay_within,
    )
    found = _live(purpose) or _insert(fresh)
    if (found.payer, found.institution, found.fee) != (payer, institution, fee):
        raise Conflict(_("There is another order for this purpose."))
    return _settle_without_cash(found) if found.cash == 0 else found


def _may_open(payer: str, institution: str, by: Principal) -> None:
    if by.has("system") or (by.has("patient") and by.reference == payer):
        return
    if by.institution != institution or not by.has("doctor", "nurse", "cashier", "admin"):
        raise Forbidden("orders are opened by the payer or by staff of the institution")


def _live(purpose: str) -> Order | None:
    return Order.objects.filter(purpose=purpose).exclude(state="closed").first()


def _insert(order: Order) -> Order:
    try:
        with transaction.atomic():
            order.save()
    except IntegrityError:  # somebody opened it between our look and our insert
        return Order.objects.exclude(state="closed").get(purpose=order.purpose)
    return order


def _settle_without_cash(order: Order) -> Order:
    with transaction.atomic():
        order = lock(order)
        if order.state == "created":
            order = apply(order, "settle", by=SYSTEM, changes={"paid_at": now()})
            ledger.book_settled(order)
    return order


def start_payment(
    order: Order,
    *,
    gateway: str = "wechat",
    client_ip: str,
    return_url: str,
    by: Principal,
) -> PaymentStart:
    """Begin to collect the order's cash; asked again, the same page while it lives.

    ``return_url`` is a path of ours or an address under PUBLIC_URL. Talks to the gateway: do not
    call it inside a transaction. Raises Missing for strangers, Forbidden, Refused (paid, closed,
    expired, gateway off), Invalid, and Busy when the gateway is away.
    """
    back = _our_address(return_url)
    order = _visible(order, by)
    _may_start(order, by)
    try:
        door = gateway_named(gateway)
        _retire_old(order)
        payment, fresh = _attempt(order, gateway, by)
        url = _open(payment, client_ip) if fresh else payment.url
        return PaymentStart(door.with_return(url, back))
    except GatewayError as error:
        raise _house(error) from error


def _may_start(order: Order, by: Principal) -> None:
    if not by.has("patient", "cashier", "system"):
        raise Forbidden("order: start is done by the payer or a cashier")
    if order.state not in settlement.UNPAID:
        raise Refused(_("This order is not to be paid any more."))
    if order.expires_at - SHORTEST < now():
        raise Refused(_("The time to pay is over."))


def _retire_old(order: Order) -> None:
    """Close the open attempt when its page is no longer good for the payer."""
    old = order.payments.filter(paid_at=None, closed_at=None).select_related("order").first()
    if old is None or _is_good(old):
        return
    if old.started_at is None and old.created_at + BEING_MADE > now():
        raise Busy(_("The payment is being prepared."), retry_after=2)
    inquiries.retire(old)


def _is_good(payment: Payment) -> bool:
    return payment.started_at is not None and payment.started_at + URL_LIFE > now()


@transaction.atomic
def _attempt(order: Order, gateway: str, by: Principal) -> tuple[Payment, bool]:
    """The attempt to use and whether it is a new one that the gateway has not heard of."""
    order = lock(order)
    _may_start(order, by)
    current = order.payments.filter(paid_at=None, closed_at=None).first()
    if current is not None and not _is_good(current):
        raise Busy(_("The payment is being prepared."), retry_after=2)
    if current is not None:
        return current, False
    payment = Payment.objects.create(
        order=order, gateway=gateway, amount=order.cash, ask_at=now() + inquiries.FIRST_QUESTION
    )
    facts = {"payment": payment.number, "gateway": gateway}
    if order.state == "created":
        apply(order, "start", by=by, changes={"gateway": gateway}, facts=facts)
    return payment, True


def _open(payment: Payment, client_ip: str) -> str:
    order = payment.order
    request = Request(
        number=payment.number,
        amount=payment.amount,
        description=order.description,
        client_ip=client_ip,
        notify_url=f"{settings.PUBLIC_URL}/pay/callback/{payment.gateway}",
        expires_at=min(order.expires_at, payment.created_at + inquiries.ATTEMPT_LIFE),
    )
    try:
        url = gateway_named(payment.gateway).start(request)
    except GatewayError as error:
        if error.permanent:
            settlement.close_payment(payment)
        raise
    Payment.objects.filter(pk=payment.pk).update(url=url, started_at=now())
    return url


def _our_address(return_url: str) -> str:
    """An absolute address of ours. Raises Invalid for anybody else's (an open redirect)."""
    base = f"{settings.PUBLIC_URL}/"
    address = urljoin(base, return_url)
    if not address.startswith(base) or "\\" in return_url:
        raise Invalid("return_url", "must lie under PUBLIC_URL")
    return address


def refresh(order: Order, *, by: Principal) -> Order:
    """Ask the gateway about everything that is open on the order, book it, return the order.

    Talks to the gateway. Raises Missing for strangers, Busy when the gateway is away.
    """
    order = _visible(order, by)
    try:
        for payment in order.payments.filter(paid_at=None, closed_at=None).select_related("order"):
            inquiries.ask(payment)
        for refund in _open_refunds(order):
            inquiries.pursue(refund)
    except GatewayError as error:
        raise _house(error) from error
    return _again(order)


def _open_refunds(order: Order) -> list[Refund]:
    refunds = Refund.objects.filter(payment__order=order, done_at=None, failed_at=None)
    return list(refunds.select_related("payment__order"))


def request_refund(order: Order, *, reason: str, by: Principal) -> Order:
    """Owe the whole payment back and let it go back by itself; asking again changes nothing.

    ``reason`` goes to the gateway and the payer: no health data. Database only. Raises Missing for
    strangers, Forbidden, Refused for an order that was not paid.
    """
    order = _visible(order, by)
    with transaction.atomic():
        order = lock(order)
        if order.state in ("refund_due", "refunding", "refunded", "refund_failed"):
            return order
        order = apply(order, "ask_refund", by=by, facts={"reason": reason})
        ledger.book_refund_due(order)
        if order.cash == 0:
            return apply(order, "refund_done", by=SYSTEM, facts={"amount": 0})
        payment = order.payments.filter(paid_at__isnull=False, refund=None).earliest("paid_at")
        Refund.objects.create(payment=payment, reason=reason[:80])
    return order


def retry_refund(order: Order, *, by: Principal) -> Order:
    """Try the order's failed refunds again, after somebody saw to the cause. Database only.

    Raises Missing for strangers, Forbidden.
    """
    order = _visible(order, by)
    if not by.has("cashier", "admin"):
        raise Forbidden("order: retry_refund is done by cashier or admin")
    with transaction.atomic():
        if lock(order).state == "refund_failed":
            apply(order, "retry_refund", by=by)
        for refund in Refund.objects.filter(payment__order=order, failed_at__isnull=False):
            inquiries.renew(refund)
    return _again(order)


def close(order: Order, *, by: Principal) -> Order:
    """Give the order up unpaid; closing a closed one is fine. Database only.

    A payment that was under way is closed at the gateway by the next round; when it turns out to
    be paid, it goes back. Raises Missing for strangers, Forbidden, Refused for a paid order.
    """
    order = _visible(order, by)
    with transaction.atomic():
        order = lock(order)
        if order.state == "closed":
            return order
        order = apply(order, "close", by=by)
        order.payments.filter(paid_at=None, closed_at=None).update(ask_at=now())
    return order


def withdraw(order: Order, *, reason: str, by: Principal) -> Order:
    """The purpose fell away: give the money back if it was paid, close the order if it was not.

    Decided under the order's lock, so a payment that arrives at this moment is either refunded
    here or found late and returned by itself. Doing it again changes nothing. Database only.
    Raises Missing for strangers, Forbidden.
    """
    with transaction.atomic():
        order = lock(_visible(order, by))
        if order.state in settlement.UNPAID:
            return close(order, by=by)
        if order.state == "closed":
            return order
        return request_refund(order, reason=reason, by=by)


def _visible(order: Order, by: Principal) -> Order:
    """The order as it is now. Raises Missing when it is not the principal's."""
    own = by.has("patient") and by.reference == order.payer
    staff = bool(by.institution) and by.institution == order.institution
    if not (own or staff or by.has("system")):
        raise Missing(_("There is no such order."))
    return _again(order)


def _again(order: Order) -> Order:
    return Order.objects.get(pk=order.pk)


def _house(error: GatewayError) -> Refused | Busy:
    """A gateway's error as the house's: a sentence for people here, the cause in the log."""
    log.warning("gateway: %s", error.says)
    if isinstance(error, NotConfigured):
        return Refused(_("Online payment is not set up here."))
    if error.permanent:
        return Refused(_("The payment gateway refused. Please ask at the desk."))
    return Busy(_("The payment gateway is away. Please try again."), retry_after=5)
