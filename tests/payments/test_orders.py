"""An order from its opening to its payment."""

from datetime import timedelta

import pytest
import time_machine

from kernel.clock import now
from kernel.errors import Busy, Conflict, Forbidden, Invalid, Missing, Refused
from kernel.principal import SYSTEM
from kernel.transitions import apply
from payments import gateways, inquiries, ledger, queries, services
from payments.models import Order, Payment
from payments.split import Cover
from payments.workflow import ORDER
from tests.payments.cast import (
    CASHIER,
    CENTRE,
    DOCTOR,
    FEE,
    MR_ZHAO,
    MS_QIAN,
    STRANGER,
    an_order,
    fresh,
    paid_order,
    start,
    the_payment,
)

pytestmark = pytest.mark.django_db


@pytest.mark.embedded
def test_he_pays_and_the_money_is_in_the_books(sandbox, deliver):
    order = an_order()
    url = start(order)
    assert url.startswith(f"{sandbox.url}/cashier?prepay_id=")
    assert url.endswith("redirect_url=http%3A%2F%2F127.0.0.1%3A8000%2Fvisit%2Fabc%2F")
    assert fresh(order).state == "awaiting_payment"
    sandbox.pay(the_payment(order).number)
    assert deliver() == [200]
    assert fresh(order).state == "paid"
    assert fresh(order).paid_at is not None
    assert queries.ledger_balances(CENTRE) == {"gateway:wechat": FEE, "income": -FEE}
    assert [row.name for row in queries.history(order)] == ["start", "settle"]


def test_a_lost_callback_is_made_good_by_asking(sandbox):
    sandbox.faults.drop = True
    order = paid_order(sandbox)
    assert order.state == "paid"
    assert ledger.balance("income", order) == FEE


def test_the_round_of_the_clock_asks_about_a_silent_payment(sandbox):
    order = an_order()
    start(order)
    sandbox.pay(the_payment(order).number)
    assert inquiries.ask_due() == 0
    with time_machine.travel(now() + timedelta(seconds=20)):
        assert inquiries.ask_due() == 1
        assert inquiries.ask_due() == 0
    assert fresh(order).state == "paid"


@pytest.mark.embedded
def test_opening_twice_for_one_purpose_is_one_order(sandbox):
    order = an_order(purpose="visit:1")
    assert an_order(purpose="visit:1") == order
    assert Order.objects.count() == 1


@pytest.mark.parametrize("other", [{"fee": 1}, {"payer": "Patient/qian"}, {"institution": "x"}])
def test_one_purpose_with_other_terms_is_a_conflict(other):
    an_order(purpose="visit:1")
    with pytest.raises(Conflict):
        an_order(purpose="visit:1", **other)
    assert Order.objects.get().fee == FEE


def test_after_closing_the_purpose_may_be_ordered_again():
    first = services.close(an_order(purpose="visit:1"), by=SYSTEM)
    second = an_order(purpose="visit:1")
    assert (first.state, second.state) == ("closed", "created")
    assert queries.order_for("visit:1") == second
    assert queries.orders_for(["visit:1", "visit:2"]) == {"visit:1": second}


def test_pressing_pay_twice_opens_one_payment(sandbox):
    order = an_order()
    assert start(order) == start(order)
    assert len(sandbox.books.trades) == Payment.objects.count() == 1


def test_when_the_page_grew_old_a_new_one_takes_its_place_and_the_old_is_dead(sandbox):
    order = an_order()
    first = start(order)
    old = the_payment(order)
    with time_machine.travel(now() + timedelta(minutes=4, seconds=45)):
        assert start(order) != first
    assert sandbox.books.trade(old.number).trade_state == "CLOSED"
    assert the_payment(order).number != old.number
    assert Payment.objects.filter(order=order, closed_at=None).count() == 1


def test_paid_on_the_old_page_is_paid(sandbox):
    order = an_order()
    start(order)
    sandbox.pay(the_payment(order).number)
    with time_machine.travel(now() + timedelta(minutes=4, seconds=45)), pytest.raises(Refused):
        start(order)
    assert fresh(order).state == "paid"
    assert len(sandbox.books.trades) == 1


def test_an_order_without_cash_is_paid_at_once():
    order = an_order(fee=0)
    assert order.state == "paid"
    covered = an_order(cover=Cover(rate_bp=10_000, fund_left=FEE))
    assert covered.state == "paid"
    assert queries.ledger_balances(order=covered) == {"insurance-fund": FEE, "income": -FEE}


def test_the_insurance_pays_its_part_and_he_the_rest(sandbox):
    order = paid_order(sandbox, cover=Cover(rate_bp=7000, fund_left=10**6, account_left=100))
    assert (order.fund, order.account, order.cash) == (1750, 100, 650)
    assert queries.ledger_balances(order=order) == {
        **{"insurance-fund": 1750, "insurance-account": 100},
        **{"gateway:wechat": 650, "income": -FEE},
    }


@pytest.mark.parametrize("fee", [-1, 12.5, "25", True])
def test_a_fee_that_is_no_money_is_invalid(fee):
    with pytest.raises(Invalid):
        an_order(fee=fee)
    assert not Order.objects.exists()


def test_strangers_do_not_learn_of_an_order(sandbox, written):
    order = an_order()
    before = written()
    for who in (MS_QIAN, STRANGER):
        with pytest.raises(Missing):
            start(order, by=who)
        with pytest.raises(Missing):
            services.close(order, by=who)
        with pytest.raises(Missing):
            services.refresh(order, by=who)
        with pytest.raises(Missing):
            services.request_refund(order, reason="mine", by=who)
        with pytest.raises(Missing):
            services.retry_refund(order, by=who)
        with pytest.raises(Missing):
            queries.order(order.public_id, by=who)
    assert written() == before
    assert sandbox.asked == []


@pytest.mark.parametrize("who", [MS_QIAN, STRANGER])
def test_strangers_open_no_orders(who):
    with pytest.raises(Forbidden):
        an_order(by=who)
    assert not Order.objects.exists()


def test_a_doctor_does_not_pay_and_a_patient_does_not_refund(sandbox, written):
    order = paid_order(sandbox)
    unpaid = an_order()
    before = written()
    with pytest.raises(Forbidden):
        start(unpaid, by=DOCTOR)
    with pytest.raises(Forbidden):
        services.request_refund(order, reason="please", by=MR_ZHAO)
    with pytest.raises(Forbidden):
        services.retry_refund(order, by=MR_ZHAO)
    assert written() == before


@pytest.mark.parametrize("state", ["paid", "closed", "refund_due", "refunded"])
def test_what_is_not_to_be_paid_cannot_be_paid(sandbox, state):
    order = an_order()
    Order.objects.filter(pk=order.pk).update(state=state)
    with pytest.raises(Refused):
        start(order)
    assert not Payment.objects.exists()


@pytest.mark.parametrize(
    "back", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_the_way_back_leads_to_us_only(sandbox, back):
    order = an_order()
    with pytest.raises(Invalid):
        services.start_payment(order, client_ip="::1", return_url=back, by=MR_ZHAO)
    assert sandbox.asked == []


def test_an_unreachable_gateway_is_busy_and_the_next_try_works(sandbox):
    order = an_order()
    sandbox.faults.api_status = 500
    with pytest.raises(Busy):
        start(order)
    sandbox.faults.api_status = 0
    with pytest.raises(Busy):  # perhaps the first request is still on its way
        start(order)
    with time_machine.travel(now() + timedelta(seconds=15)):
        assert start(order).startswith(sandbox.url)
    assert fresh(order).state == "awaiting_payment"


def test_an_answer_that_is_not_signed_is_not_believed(sandbox):
    order = an_order()
    start(order)
    sandbox.pay(the_payment(order).number)
    sandbox.faults.unsigned = True
    with pytest.raises(Busy):
        services.refresh(order, by=MR_ZHAO)
    assert fresh(order).state == "awaiting_payment"


def test_without_settings_the_log_names_the_variable(sandbox, settings, caplog):
    settings.WECHAT_PAY = {**settings.WECHAT_PAY, "mchid": ""}
    assert gateways.available() == []
    with pytest.raises(Refused):
        start(an_order())
    assert "WECHAT_PAY_MCHID" in caplog.text
    assert not Payment.objects.exists()


def test_an_expired_order_closes_and_its_payment_dies(sandbox):
    order = an_order()
    start(order)
    with time_machine.travel(now() + timedelta(hours=3)):
        with pytest.raises(Refused):
            start(order)
        assert inquiries.close_expired() == 1
        assert inquiries.close_expired() == 0
    assert fresh(order).state == "closed"
    assert sandbox.books.trade(the_payment(order).number).trade_state == "CLOSED"


def test_an_expired_order_that_was_paid_is_paid(sandbox):
    order = an_order()
    start(order)
    sandbox.pay(the_payment(order).number)
    with time_machine.travel(now() + timedelta(hours=3)):
        assert inquiries.close_expired() == 0
    assert fresh(order).state == "paid"


def test_while_the_gateway_is_away_expiry_waits_but_not_for_ever(sandbox):
    order = an_order()
    start(order)
    sandbox.faults.api_status = 502
    with time_machine.travel(now() + timedelta(hours=2, minutes=30)):
        assert inquiries.close_expired() == 0
    with time_machine.travel(now() + timedelta(hours=3, minutes=30)):
        assert inquiries.close_expired() == 1
    assert fresh(order).state == "closed"


def test_closing_kills_the_payment_at_the_gateway_in_the_next_round(sandbox):
    order = an_order()
    start(order)
    services.close(order, by=MR_ZHAO)
    assert services.close(order, by=MR_ZHAO).state == "closed"
    assert inquiries.ask_due() == 1
    assert sandbox.books.trade(the_payment(order).number).trade_state == "CLOSED"
    assert not Payment.objects.filter(closed_at=None).exists()


def test_an_attempt_that_nobody_finished_makes_room_and_the_order_waits_on(sandbox):
    order = an_order(pay_within=timedelta(days=2))
    start(order)
    first = the_payment(order)
    with time_machine.travel(now() + timedelta(minutes=31)):
        assert inquiries.ask_due() == 1
        assert not Payment.objects.get(pk=first.pk).is_open
        assert sandbox.books.trade(first.number).trade_state == "CLOSED"
        assert fresh(order).state == "awaiting_payment"
        assert inquiries.ask_due() == 0
        start(order)
        sandbox.pay(the_payment(order).number)
        assert services.refresh(order, by=MR_ZHAO).state == "paid"


def test_another_sum_than_ours_is_never_settled(sandbox, written):
    order = an_order()
    start(order)
    trade = sandbox.books.trade(the_payment(order).number)
    sandbox.books.pay(trade).total = FEE - 1
    before = written()
    with pytest.raises(Refused):
        services.refresh(order, by=SYSTEM)
    assert written() == before


def test_the_list_of_an_institution_shows_its_own(sandbox):
    mine = paid_order(sandbox)
    an_order(institution="chc-elsewhere")
    assert list(queries.orders(CENTRE)) == [mine]
    assert list(queries.orders(CENTRE, states=["closed"])) == []
    assert queries.order(mine.public_id, by=CASHIER) == mine


ROLES = ("patient", "doctor", "nurse", "cashier", "admin", "system", "gateway", "partner")


@pytest.mark.parametrize("role", ROLES)
def test_every_state_takes_exactly_the_transitions_of_the_table(role):
    for state in ORDER.states:
        for name, transition in ORDER.transitions.items():
            order = Order.objects.create(
                **{"purpose": f"{state}:{name}:{role}", "payer": "Patient/x", "institution": "i"},
                **{"description": "d", "fee": 1, "cash": 1, "expires_at": now(), "state": state},
            )
            who = type(SYSTEM)("Device/x", roles=frozenset({role}))
            if state in transition.sources and role in transition.by:
                assert apply(order, name, by=who).state == transition.to
            else:
                with pytest.raises((Refused, Forbidden)):
                    apply(order, name, by=who)
                assert fresh(order).state == state
                assert not order.transitions.exists()
