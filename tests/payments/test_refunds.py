"""Money back: all of it, once, whatever anybody does at the same time."""

import threading
from collections import defaultdict
from datetime import timedelta

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction

from kernel import outbox
from kernel.clock import now
from kernel.errors import Forbidden, HouseError, Refused
from kernel.principal import SYSTEM
from payments import inquiries, ledger, queries, services, tasks
from payments.errors import GatewayError
from payments.gateways import gateway
from payments.models import Order, Payment, Refund
from payments.split import Cover
from tests.payments.cast import (
    CASHIER,
    CENTRE,
    DOCTOR,
    FEE,
    MR_ZHAO,
    an_order,
    fresh,
    paid_order,
    start,
    the_payment,
)

pytestmark = pytest.mark.django_db
NEVER_CAME = "the doctor never came"
BUSY = "The payment is being prepared."


@pytest.fixture
def refund_asked(sandbox):
    """An order paid, its refund asked for, nothing sent yet."""
    order = paid_order(sandbox)
    sandbox.notices.waiting.clear()
    return services.request_refund(order, reason=NEVER_CAME, by=SYSTEM)


def later(minutes: int = 30) -> time_machine.travel:
    return time_machine.travel(now() + timedelta(minutes=minutes))


@pytest.mark.embedded
def test_the_doctor_never_came_and_the_money_goes_back(sandbox, refund_asked, deliver):
    assert refund_asked.state == "refund_due"
    assert ledger.balance("owed-to-patient", refund_asked) == FEE
    assert ledger.balance("income", refund_asked) == 0
    assert inquiries.pursue_due() == 1
    assert fresh(refund_asked).state == "refunding"
    sandbox.finish_refund(Refund.objects.get().number)
    assert deliver() == [200]
    assert fresh(refund_asked).state == "refunded"
    assert set(queries.ledger_balances(CENTRE).values()) == {0}
    names = [row.name for row in queries.history(refund_asked)]
    assert names == ["start", "settle", "ask_refund", "send_refund", "refund_done"]


def test_a_lost_refund_callback_is_made_good_by_asking(sandbox, refund_asked):
    sandbox.faults.drop = True
    inquiries.pursue_due()
    sandbox.finish_refund(Refund.objects.get().number)
    assert inquiries.pursue_due() == 0
    with later():
        assert inquiries.pursue_due() == 1
    assert fresh(refund_asked).state == "refunded"
    assert Refund.objects.get().ask_at is None


def test_asking_again_changes_nothing(sandbox, refund_asked, written):
    before = written()
    assert services.request_refund(refund_asked, reason="again", by=CASHIER).state == "refund_due"
    assert written() == before


def test_an_unpaid_order_has_nothing_to_refund(sandbox, written):
    order = an_order()
    start(order)
    before = written()
    with pytest.raises(Refused):
        services.request_refund(order, reason=NEVER_CAME, by=SYSTEM)
    assert written() == before


def test_insurance_claims_fall_away_with_the_refund(sandbox):
    order = paid_order(sandbox, cover=Cover(rate_bp=7000, fund_left=10**6))
    services.request_refund(order, reason=NEVER_CAME, by=SYSTEM)
    assert queries.ledger_balances(order=order) == {
        **{"gateway:wechat": 750, "income": 0, "insurance-fund": 0},
        "owed-to-patient": -750,
    }


def test_without_cash_there_is_nothing_to_send(sandbox):
    order = an_order(cover=Cover(rate_bp=10_000, fund_left=FEE))
    assert services.request_refund(order, reason=NEVER_CAME, by=SYSTEM).state == "refunded"
    assert set(ledger.balances(order=order).values()) == {0}
    assert sandbox.asked == []


def test_withdrawing_closes_the_unpaid_and_returns_the_paid(sandbox, written):
    unpaid, paid = an_order(), paid_order(sandbox)
    assert services.withdraw(unpaid, reason=NEVER_CAME, by=SYSTEM).state == "closed"
    assert services.withdraw(paid, reason=NEVER_CAME, by=SYSTEM).state == "refund_due"
    before = written()
    for order in (unpaid, paid):
        services.withdraw(order, reason=NEVER_CAME, by=SYSTEM)
    assert written() == before


def test_the_database_itself_refuses_a_second_refund(sandbox, refund_asked):
    with pytest.raises(IntegrityError), transaction.atomic():
        Refund.objects.create(payment=the_payment(refund_asked), reason="mine")
    assert Refund.objects.count() == 1


def test_sending_twice_is_one_refund_at_the_gateway(sandbox, refund_asked):
    refund = Refund.objects.get()
    inquiries.pursue(refund)
    inquiries.pursue(refund)  # as it was before: a worker killed after sending
    assert len(sandbox.books.refunds) == 1
    assert Refund.objects.get().sent_at is not None


def test_the_gateway_too_refuses_more_than_was_paid(sandbox, refund_asked):
    inquiries.pursue_due()
    payment = the_payment(refund_asked)
    door = gateway("wechat")
    with pytest.raises(GatewayError) as caught:
        door.refund(number="f" * 32, payment=payment.number, amount=1, total=FEE, reason="more")
    assert caught.value.permanent
    assert len(sandbox.books.refunds) == 1


def test_while_the_gateway_is_away_the_refund_waits(sandbox, refund_asked):
    sandbox.faults.api_status = 503
    assert inquiries.pursue_due() == 0
    assert fresh(refund_asked).state == "refund_due"
    sandbox.faults.api_status = 0
    with later():
        assert inquiries.pursue_due() == 1
    assert fresh(refund_asked).state == "refunding"


def test_when_settings_are_missing_the_refund_waits_too(sandbox, refund_asked, settings):
    settings.WECHAT_PAY = {**settings.WECHAT_PAY, "serial": ""}
    assert inquiries.pursue_due() == 0
    assert fresh(refund_asked).state == "refund_due"


def test_a_refused_refund_is_seen_and_tried_again_by_a_person(sandbox, refund_asked):
    trade = sandbox.books.trade(the_payment(refund_asked).number)
    trade.trade_state = "NOTPAY"  # the gateway says no for good
    assert inquiries.pursue_due() == 0
    assert fresh(refund_asked).state == "refund_failed"
    assert Refund.objects.get().failure == "INVALID_REQUEST"
    trade.trade_state = "SUCCESS"
    with pytest.raises(Forbidden):
        services.retry_refund(refund_asked, by=DOCTOR)
    assert services.retry_refund(refund_asked, by=CASHIER).state == "refund_due"
    assert inquiries.pursue_due() == 1
    sandbox.finish_refund(Refund.objects.get().number)
    assert services.refresh(refund_asked, by=CASHIER).state == "refunded"


@pytest.mark.parametrize(("status", "renewed"), [("CLOSED", True), ("ABNORMAL", False)])
def test_a_refund_that_the_bank_sent_back(sandbox, refund_asked, deliver, status, renewed):
    inquiries.pursue_due()
    first = Refund.objects.get().number
    sandbox.finish_refund(first, status)
    assert deliver() == [200]
    assert fresh(refund_asked).state == "refund_failed"
    services.retry_refund(refund_asked, by=CASHIER)
    assert (Refund.objects.get().number != first) is renewed
    if not renewed:  # the gateway's desk has paid it by hand
        sandbox.books.finish(sandbox.books.refund(first))
    inquiries.pursue_due()
    if renewed:
        sandbox.finish_refund(Refund.objects.get().number)
    assert services.refresh(refund_asked, by=CASHIER).state == "refunded"
    done = [r for r in sandbox.books.refunds.values() if r.status == "SUCCESS"]
    assert sum(r.refund for r in done) == FEE
    assert set(ledger.balances(order=refund_asked).values()) == {0}


def test_another_sum_than_ours_is_not_booked(sandbox, refund_asked, written):
    inquiries.pursue_due()
    number = Refund.objects.get().number
    sandbox.finish_refund(number)
    sandbox.books.refund(number).refund = FEE - 1
    before = written()
    with pytest.raises(Refused):
        services.refresh(refund_asked, by=SYSTEM)
    assert written() == before


@pytest.mark.django_db(transaction=True)
def test_the_round_does_it_all(sandbox):
    order = paid_order(sandbox)
    late = an_order()
    start(late)
    services.request_refund(order, reason=NEVER_CAME, by=SYSTEM)
    services.close(late, by=MR_ZHAO)
    tasks.tend()
    assert fresh(order).state == "refunding"
    assert sandbox.books.trade(the_payment(late).number).trade_state == "CLOSED"


def test_the_outbox_hears_of_every_step(sandbox, monkeypatch):
    heard = []
    monkeypatch.setattr(outbox, "_handlers", defaultdict(list))
    outbox.on("order")(lambda row: heard.append(row.name))
    order = paid_order(sandbox)
    services.request_refund(order, reason=NEVER_CAME, by=SYSTEM)
    assert outbox.deliver_due() == 3
    assert heard == ["start", "settle", "ask_refund"]


@pytest.mark.django_db(transaction=True)
def test_eight_cashiers_at_once_refund_once(sandbox):
    order = paid_order(sandbox)
    together = threading.Barrier(8)
    outcomes: list[int | HouseError] = []

    def refund():
        together.wait()
        try:
            services.request_refund(order, reason=NEVER_CAME, by=CASHIER)
            outcomes.append(inquiries.pursue_due())
        except HouseError as error:
            outcomes.append(error)
        connection.close()

    threads = [threading.Thread(target=refund) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes, key=str) == [0] * 7 + [1]
    assert Refund.objects.count() == len(sandbox.books.refunds) == 1
    assert order.transitions.filter(name="ask_refund").count() == 1


@pytest.mark.django_db(transaction=True)
def test_four_orderings_and_four_payments_at_once_make_one(sandbox):
    together, urls = threading.Barrier(4), []

    def order_and_pay():
        together.wait()
        order = an_order(purpose="visit:busy")
        try:
            urls.append(start(order))
        except HouseError as error:
            urls.append(error.says)
        connection.close()

    threads = [threading.Thread(target=order_and_pay) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(urls) == 4
    assert Order.objects.count() == Payment.objects.count() == len(sandbox.books.trades) == 1
    assert {url for url in urls if url.startswith("http")}
    assert {url for url in urls if not url.startswith("http")} <= {"正在准备支付，请稍候。", BUSY}
