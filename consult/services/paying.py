"""A visit and its money: opened, paid, given back. Amounts and gateways are payments' work."""

from datetime import timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from consult import live, rules
from consult.models import Visit
from consult.workflow import UNSEEN, VISIT
from kernel.clock import now
from kernel.errors import Refused
from kernel.principal import SYSTEM, Principal
from payments import queries as orders
from payments import services as payments


def open_order(visit: Visit, *, by: Principal) -> None:
    """Ask the visit's fee of its patient, once."""
    if visit.fee:
        payments.open_order(
            purpose=visit.purpose,
            payer=visit.patient,
            institution=visit.institution,
            description=_("Video visit"),
            fee=visit.fee,
            by=by,
            pay_within=max(visit.end - now(), timedelta(0)) + rules.CHECK_IN_CLOSES,
        )


def start_payment(
    visit: Visit, *, gateway: str, client_ip: str, return_url: str, by: Principal
) -> str:
    """The address where the patient pays. Raises Refused when there is nothing to pay.

    An order that was closed because nobody paid in time is opened afresh. Talks to the gateway.
    """
    if not visit.pay_later and not VISIT.is_final(visit.state):
        open_order(visit, by=by)
    order = orders.order_for(visit.purpose)
    if order is None:
        raise Refused(_("There is nothing to pay for this visit."))
    return payments.start_payment(
        order, gateway=gateway, client_ip=client_ip, return_url=return_url, by=by
    ).url


def collect(visit: Visit, *, by: Principal) -> None:
    """Ask the gateway whether the patient has paid."""
    order = orders.order_for(visit.purpose)
    if order is not None:
        payments.refresh(order, by=by)
        live.changed(visit)


def settled(visit: Visit) -> bool:
    """True when nothing stands between the patient and the doctor."""
    if visit.pay_later or not visit.fee:
        return True
    order = orders.order_for(visit.purpose)
    return order is not None and order.state == "paid"


def release(visit: Visit, *, reason: str) -> None:
    """The visit's end decides over its money: who was not seen does not pay."""
    order = orders.order_for(visit.purpose)
    if order is None or visit.state not in UNSEEN:
        return
    with transaction.atomic():
        if order.state == "paid":
            payments.request_refund(order, reason=reason, by=SYSTEM)
        elif order.state in ("created", "awaiting_payment"):
            payments.close(order, by=SYSTEM)
