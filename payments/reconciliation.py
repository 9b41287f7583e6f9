"""Once a day: the gateway's own account of the day, line by line against ours.

What only the gateway knew (a payment whose callback and questions all got lost) is asked about and
booked first; what still differs is kept for a person to look at.
"""

import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta

from django.utils import timezone

from payments import inquiries
from payments.errors import GatewayError
from payments.gateways import gateway
from payments.gateways.base import BillLine
from payments.models import Payment, Reconciliation, Refund

log = logging.getLogger(__name__)

# A refund sent close to midnight may stand in the other day's bill.
MIDNIGHT = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Difference:
    """One number about which the gateway's bill and our books disagree; sums in fen.

    ``kind``: ``unknown`` (only theirs), ``missing`` (only ours), ``sum``, ``open`` (ours not done).
    """

    about: str
    number: str
    kind: str
    ours: int
    theirs: int


def reconcile(name: str, day: date) -> Reconciliation:
    """Compare ``day`` (Shanghai) with the gateway ``name`` and keep the outcome; may be repeated.

    Raises GatewayError when the bill cannot be had.
    """
    lines = gateway(name).bill(day.isoformat())
    for line in lines:
        _catch_up(name, line)
    differences = [*_of_lines(name, lines), *_missing(name, day, {line.number for line in lines})]
    if differences:
        log.error("reconciliation with %s of %s: %d differences", name, day, len(differences))
    outcome = {
        "lines": len(lines),
        "received": sum(line.amount for line in lines if line.about == "payment"),
        "returned": -sum(line.amount for line in lines if line.about == "refund"),
        "differences": [asdict(difference) for difference in differences],
    }
    return Reconciliation.objects.update_or_create(gateway=name, day=day, defaults=outcome)[0]


def _catch_up(name: str, line: BillLine) -> None:
    row = _ours(name, line)
    try:
        if isinstance(row, Payment) and row.paid_at is None:
            inquiries.ask(row)
        elif isinstance(row, Refund) and row.done_at is None:
            inquiries.pursue(row)
    except GatewayError as error:
        log.warning("%s: %s", row, error.says)


def _ours(name: str, line: BillLine) -> Payment | Refund | None:
    if line.about == "payment":
        payments = Payment.objects.select_related("order")
        return payments.filter(gateway=name, number=line.number).first()
    refunds = Refund.objects.select_related("payment__order")
    return refunds.filter(payment__gateway=name, number=line.number).first()


def _of_lines(name: str, lines: list[BillLine]) -> Iterator[Difference]:
    for line in lines:
        row = _ours(name, line)
        ours = 0 if row is None else row.amount if isinstance(row, Payment) else -row.amount
        if row is None:
            yield Difference(line.about, line.number, "unknown", 0, line.amount)
        elif ours != line.amount:
            yield Difference(line.about, line.number, "sum", ours, line.amount)
        elif isinstance(row, Payment) and row.paid_at is None:
            yield Difference(line.about, line.number, "open", ours, line.amount)


def _missing(name: str, day: date, theirs: set[str]) -> Iterator[Difference]:
    begin = timezone.make_aware(datetime.combine(day, time.min))
    end = begin + timedelta(days=1)
    paid = Payment.objects.filter(gateway=name, paid_at__gte=begin, paid_at__lt=end)
    for payment in paid.exclude(number__in=theirs):
        yield Difference("payment", payment.number, "missing", payment.amount, 0)
    sent = Refund.objects.filter(
        payment__gateway=name, sent_at__gte=begin + MIDNIGHT, sent_at__lt=end - MIDNIGHT
    )
    for refund in sent.exclude(number__in=theirs).select_related("payment"):
        yield Difference("refund", refund.number, "missing", -refund.amount, 0)
