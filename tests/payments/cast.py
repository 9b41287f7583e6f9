"""The people of these tests, and what they usually do."""

import threading
from collections.abc import Callable
from typing import Any

from kernel.ids import new_id
from kernel.principal import SYSTEM, Principal
from payments import services
from payments.models import Order, Payment
from tests.fakes.gateway.app import Gateway

CENTRE, OTHER_CENTRE = "chc-jingan", "chc-elsewhere"
MR_ZHAO = Principal("Patient/zhao", roles=frozenset({"patient"}), name="赵先生")
MS_QIAN = Principal("Patient/qian", roles=frozenset({"patient"}), name="钱女士")
CASHIER = Principal("Practitioner/sun", institution=CENTRE, roles=frozenset({"cashier"}))
DOCTOR = Principal("Practitioner/lin", institution=CENTRE, roles=frozenset({"doctor"}))
STRANGER = Principal("Practitioner/far", institution=OTHER_CENTRE, roles=frozenset({"cashier"}))
FEE = 2500
PHONE = "203.0.113.7"


def an_order(*, purpose: str = "", fee: int = FEE, by: Principal = SYSTEM, **more: Any) -> Order:
    """Mr Zhao's order for a visit."""
    wanted: dict[str, Any] = {
        "purpose": purpose or f"visit:{new_id()}",
        "payer": MR_ZHAO.reference,
        "institution": CENTRE,
        "description": "互联网诊室诊查费",
    }
    return services.open_order(**{**wanted, **more}, fee=fee, by=by)


def start(order: Order, by: Principal = MR_ZHAO) -> str:
    """He presses "pay"; the address that his browser goes to."""
    return services.start_payment(order, client_ip=PHONE, return_url="/visit/abc/", by=by).url


def the_payment(order: Order) -> Payment:
    """The latest attempt to pay an order."""
    return Payment.objects.filter(order=order).latest("id")


def paid_order(sandbox: Gateway, **more: Any) -> Order:
    """An order that he paid and that we asked the gateway about."""
    order = an_order(**more)
    start(order)
    sandbox.pay(the_payment(order).number)
    return services.refresh(order, by=SYSTEM)


def fresh(order: Order) -> Order:
    """The order as the database has it."""
    return Order.objects.get(pk=order.pk)


def eventually(condition: Callable[[], object], within: float = 15.0) -> None:
    """Wait until ``condition`` holds. Raises AssertionError when it does not in time."""
    tick = threading.Event()
    for _ in range(int(within / 0.05)):
        if condition():
            return
        tick.wait(0.05)
    raise AssertionError("it did not happen in time")
