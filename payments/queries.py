"""What screens and upper floors read."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from kernel.errors import Missing
from kernel.principal import Principal
from payments import ledger
from payments.models import Order, OrderTransition, Reconciliation


def order_for(purpose: str) -> Order | None:
    """The order for ``purpose``: the live one, or else the latest closed one."""
    found = list(Order.objects.filter(purpose=purpose)[:20])
    return next((order for order in found if order.state != "closed"), found[0] if found else None)


def orders_for(purposes: Sequence[str]) -> dict[str, Order]:
    """``order_for`` for a whole list, in one query."""
    found: dict[str, Order] = {}
    for order in Order.objects.filter(purpose__in=purposes).order_by("id"):
        if (
            order.state != "closed"
            or order.purpose not in found
            or found[order.purpose].state == "closed"
        ):
            found[order.purpose] = order
    return found


def order(public_id: str, *, by: Principal) -> Order:
    """One order with payments, refunds and history at hand. Raises Missing, for strangers too."""
    found = (
        _visible_to(by)
        .filter(public_id=public_id)
        .prefetch_related("payments__refund", "transitions")
    )
    if (first := found.first()) is None:
        raise Missing(_("There is no such order."))
    return first


def orders(
    institution: str, *, states: Sequence[str] = (), day: date | None = None
) -> QuerySet[Order]:
    """Orders of an institution, newest first; of ``states``, opened on ``day`` (local)."""
    found = Order.objects.filter(institution=institution)
    if states:
        found = found.filter(state__in=states)
    if day is not None:
        begin = timezone.make_aware(datetime.combine(day, time.min))
        found = found.filter(created_at__gte=begin, created_at__lt=begin + timedelta(days=1))
    return found


def history(order: Order) -> list[OrderTransition]:
    """What happened to an order, oldest first."""
    return list(OrderTransition.objects.filter(thing=order))


def ledger_balances(
    institution: str | None = None, *, order: Order | None = None
) -> dict[str, int]:
    """Fen per account code (see ``payments.ledger``), debit above zero."""
    return ledger.balances(institution=institution, order=order)


def reconciliations() -> QuerySet[Reconciliation]:
    """Outcomes of the daily comparison with the gateways, newest first. Slice it."""
    return Reconciliation.objects.all()


def _visible_to(by: Principal) -> QuerySet[Order]:
    if by.has("system"):
        return Order.objects.all()
    if by.institution:
        return Order.objects.filter(institution=by.institution)
    return Order.objects.filter(payer=by.reference)
