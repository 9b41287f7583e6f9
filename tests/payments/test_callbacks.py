"""A callback is a knock: what attackers, bad lines and impatient gateways do with that door."""

import json
import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from kernel.clock import now
from kernel.principal import SYSTEM
from payments import callbacks, inquiries, ledger, services
from payments.models import Callback, LedgerEntry, Order, Refund
from tests.fakes.gateway.app import Gateway
from tests.fakes.gateway.keys import make
from tests.fakes.gateway.wire import Wire
from tests.payments.cast import CENTRE, FEE, an_order, fresh, paid_order, start, the_payment
from tests.payments.conftest import refusals

pytestmark = pytest.mark.django_db
Packed = tuple[bytes, dict[str, str]]


@pytest.fixture
def awaited(sandbox):
    """An order that he is about to pay."""
    order = an_order()
    start(order)
    return order


@pytest.fixture
def paid_there(sandbox, awaited):
    """He has paid; the callback has not come yet."""
    sandbox.pay(the_payment(awaited).number)
    return awaited


def the_notice(sandbox: Gateway) -> Packed:
    """The callback that waits: body and headers, signed now."""
    return sandbox.notices.packed(sandbox.notices.waiting[0])


def resealed(
    sandbox: Gateway,
    kind: str = "transaction",
    event: str = "TRANSACTION.SUCCESS",
    **changed: object,
) -> Packed:
    """A genuine callback about the only transaction, with some of its content changed."""
    trade = next(iter(sandbox.books.trades.values()))
    content = {**trade.shown(), **changed}
    body = json.dumps(sandbox.notices.envelope(event, content, kind)).encode()
    return body, sandbox.wire.headers(body)


@pytest.mark.embedded
def test_the_same_callback_again_changes_nothing(sandbox, paid_there, knock, written):
    body, headers = the_notice(sandbox)
    assert knock(body, headers) == 200
    before = written()
    assert knock(body, headers) == 200
    assert written() == before
    assert Callback.objects.count() == 1


def test_it_is_kept_as_it_came(sandbox, paid_there, knock):
    body, headers = the_notice(sandbox)
    knock(body, {**headers, "Cookie": "secret"})
    kept = Callback.objects.get()
    assert bytes(kept.body) == body
    assert kept.headers["wechatpay-signature"] == headers["Wechatpay-Signature"]
    assert "cookie" not in kept.headers
    assert kept.verdict == "settled"


def test_a_callback_about_an_unpaid_order_is_not_believed(sandbox, awaited, knock, written):
    number = the_payment(awaited).number
    body, headers = resealed(
        sandbox, trade_state="SUCCESS", transaction_id="42", amount={"total": FEE}
    )
    before = written()
    assert knock(body, headers) == 503
    assert written() == before
    assert refusals() == ["waiting"]
    sandbox.pay(number)
    assert knock(body, headers) == 200  # the same event is judged again until it is settled
    assert fresh(awaited).state == "paid"


@pytest.mark.embedded
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"Wechatpay-Signature": "AAAA"}, "signature"),
        ({"Wechatpay-Signature": "not base64 at all!"}, "signature"),
        ({"Wechatpay-Signature": ""}, "signature"),
        ({"Wechatpay-Signature": "WECHATPAY/SIGNTEST/AAAA"}, "signature"),
        ({"Wechatpay-Nonce": "other"}, "signature"),
        ({"Wechatpay-Serial": "PUB_KEY_ID_0000"}, "serial"),
        ({"Wechatpay-Serial": ""}, "serial"),
        ({"Wechatpay-Signature-Type": "WECHATPAY2-SM2-WITH-SM3"}, "scheme"),
        ({"Wechatpay-Timestamp": ""}, "stale"),
        ({"Wechatpay-Timestamp": "1e9"}, "stale"),
        ({"Wechatpay-Timestamp": "9" * 30}, "stale"),
    ],
)
def test_a_spoilt_header_is_refused(sandbox, paid_there, knock_in_vain, change, reason):
    body, headers = the_notice(sandbox)
    asked = len(sandbox.asked)
    assert knock_in_vain(body, {**headers, **change}) == 401
    assert refusals() == [reason]
    assert len(sandbox.asked) == asked  # nobody makes us ask the gateway by knocking


@pytest.mark.parametrize("seconds", [-3600, -301, 302, 86400])
def test_a_stale_or_future_callback_is_refused(sandbox, paid_there, knock_in_vain, seconds):
    body, _ = the_notice(sandbox)
    headers = sandbox.wire.headers(body, at=time.time() + seconds)
    assert knock_in_vain(body, headers) == 401
    assert refusals() == ["stale"]


@pytest.mark.parametrize("seconds", [-295, 295])
def test_a_clock_that_is_a_little_off_is_fine(sandbox, paid_there, knock, seconds):
    body, _ = the_notice(sandbox)
    assert knock(body, sandbox.wire.headers(body, at=time.time() + seconds)) == 200


def test_a_recorded_callback_is_stale_tomorrow(sandbox, paid_there, knock):
    body, headers = the_notice(sandbox)
    with time_machine.travel(now() + timedelta(days=1)):
        assert knock(body, headers) == 401
    assert fresh(paid_there).state == "awaiting_payment"


def test_another_platform_s_key_signs_in_vain(sandbox, paid_there, knock, tmp_path):
    body, _ = the_notice(sandbox)
    forger = Wire(make(tmp_path))
    headers = {**forger.headers(body), "Wechatpay-Serial": sandbox.keys.platform_id}
    assert knock(body, headers) == 401
    assert refusals() == ["signature"]


def test_a_body_sealed_with_another_key_is_refused(sandbox, paid_there, knock, tmp_path):
    envelope = dict(sandbox.notices.waiting[0].body)
    envelope["resource"] = Wire(make(tmp_path)).sealed({"mchid": "1"}, "transaction")
    body = json.dumps(envelope).encode()
    assert knock(body, sandbox.wire.headers(body)) == 401
    assert refusals() == ["sealed"]


@pytest.mark.embedded
@pytest.mark.parametrize(
    ("changed", "answer"),
    [
        ({"amount": {"total": FEE - 1, "currency": "CNY"}}, (401, "amount")),
        ({"amount": {"total": str(FEE)}}, (401, "content")),
        ({"amount": {"total": float(FEE)}}, (401, "content")),
        ({"amount": None}, (401, "content")),
        ({"appid": "wx0000000000000000"}, (401, "appid")),
        ({"mchid": "1900000000"}, (401, "mchid")),
        ({"out_trade_no": "0" * 32}, (404, "number")),
        ({"out_trade_no": None}, (401, "content")),
        ({"event": "TRANSACTION.PAYSCORE"}, (401, "event")),
    ],
)
def test_genuine_but_not_about_our_payment(sandbox, paid_there, knock_in_vain, changed, answer):
    status, verdict = answer
    assert knock_in_vain(*resealed(sandbox, **changed)) == status
    assert refusals() == [verdict]


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"null", b'{"resource": 7}', b"\xff\xfe", b"[" * 60_000]
)
def test_signed_garbage_is_refused_quietly(sandbox, paid_there, knock_in_vain, body):
    assert knock_in_vain(body, sandbox.wire.headers(body)) == 401


@given(body=st.binary(max_size=300), said=st.text(max_size=40))
@hypothesis_settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_nothing_that_is_not_signed_gets_past_the_door(sandbox, knock_in_vain, body, said):
    ascii_only = "".join(c for c in said if 32 < ord(c) < 127)
    headers = {
        "Wechatpay-Serial": sandbox.keys.platform_id,
        "Wechatpay-Timestamp": ascii_only[:10] or str(int(time.time())),
        "Wechatpay-Signature": ascii_only,
    }
    assert knock_in_vain(body, headers) == 401


def test_a_huge_body_is_not_read_into_the_books(sandbox, knock):
    assert knock(b"x" * (callbacks.LARGEST + 1), {}) == 413
    assert not Callback.objects.exists()


def test_only_posting_knocks(client):
    assert client.get("/pay/callback/wechat").status_code == 405


@pytest.mark.parametrize("name", ["alipay", "nobody"])
def test_a_gateway_that_we_do_not_have_is_off(knock, name):
    assert knock(b"{}", {}, f"/pay/callback/{name}") == 503
    assert not Callback.objects.exists()


def test_a_flood_of_forgeries_fills_no_table(sandbox, paid_there, knock, monkeypatch):
    monkeypatch.setattr(callbacks, "REFUSED_KEPT", 3)
    body, headers = the_notice(sandbox)
    forged = {**headers, "Wechatpay-Signature": "AAAA"}
    assert {knock(body, forged) for _ in range(6)} == {401}
    assert Callback.objects.count() == 3
    assert knock(body, headers) == 200
    with time_machine.travel(now() + timedelta(days=31)):
        assert callbacks.forget_refused() == 3
    assert refusals() == ["settled"]


def test_while_the_gateway_cannot_be_asked_the_callback_comes_again(sandbox, paid_there, knock):
    body, headers = the_notice(sandbox)
    sandbox.faults.api_status = 500
    assert knock(body, headers) == 503
    assert fresh(paid_there).state == "awaiting_payment"
    sandbox.faults.api_status = 0
    assert knock(body, headers) == 200
    assert fresh(paid_there).state == "paid"


def test_the_log_and_the_answer_hold_nothing_of_the_patient(sandbox, paid_there, knock, caplog):
    body, headers = the_notice(sandbox)
    knock(body, {**headers, "Wechatpay-Signature": "AAAA"})
    knock(body, headers)
    assert "signature" in caplog.text
    for word in ("Patient", "zhao", "oUpF8u", "互联网", headers["Wechatpay-Signature"][:20]):
        assert word not in caplog.text


@pytest.mark.embedded
def test_a_late_callback_does_not_wake_a_closed_order(sandbox, awaited, deliver):
    services.close(awaited, by=SYSTEM)
    sandbox.pay(the_payment(awaited).number)
    assert deliver() == [200]
    assert fresh(awaited).state == "closed"
    assert ledger.balance("owed-to-patient", awaited) == awaited.fee
    assert ledger.balance("income", awaited) == 0


def test_what_came_late_goes_back_by_itself(sandbox, awaited, deliver):
    services.close(awaited, by=SYSTEM)
    number = the_payment(awaited).number
    sandbox.pay(number)
    deliver()
    assert inquiries.pursue_due() == 1
    refund = Refund.objects.get()
    sandbox.finish_refund(refund.number)
    assert deliver() == [200]
    assert sandbox.books.refund(refund.number).refund == FEE
    assert ledger.balances(order=awaited) == {"gateway:wechat": 0, "owed-to-patient": 0}
    assert [row.name for row in awaited.transitions.all()] == [
        *("start", "close", "settle_late", "return_late")
    ]


def test_paying_a_second_time_goes_back_and_the_order_stays_paid(sandbox, awaited, deliver):
    """He pays on an old page that the gateway failed to close, after he paid on the new one."""
    old = the_payment(awaited)
    old_trade = sandbox.books.trade(old.number)
    with time_machine.travel(now() + timedelta(minutes=4, seconds=45)):
        start(awaited)
    sandbox.pay(the_payment(awaited).number)
    old_trade.trade_state = "NOTPAY"
    sandbox.pay(old.number)
    assert deliver() == [200, 200]
    assert fresh(awaited).state == "paid"
    assert ledger.balance("income", awaited) == FEE
    assert ledger.balance("owed-to-patient", awaited) == FEE
    inquiries.pursue_due()
    sandbox.finish_refund(Refund.objects.get(payment=old).number)
    deliver()
    assert fresh(awaited).state == "paid"
    assert ledger.balance("owed-to-patient", awaited) == 0


def test_a_refund_of_an_order_paid_twice_returns_each_once(sandbox, awaited, deliver):
    old_trade = sandbox.books.trade(the_payment(awaited).number)
    with time_machine.travel(now() + timedelta(minutes=4, seconds=45)):
        start(awaited)
    old_trade.trade_state = "NOTPAY"
    for number in list(sandbox.books.trades):
        sandbox.pay(number)
    deliver()
    services.request_refund(fresh(awaited), reason="the doctor never came", by=SYSTEM)
    assert inquiries.pursue_due() == 2
    assert sum(r.refund for r in sandbox.books.refunds.values()) == 2 * FEE
    for number in list(sandbox.books.refunds):
        sandbox.finish_refund(number)
    assert set(deliver()) == {200}
    assert fresh(awaited).state == "refunded"
    assert set(ledger.balances(order=awaited).values()) == {0}


EVENTS = ("paid", "paid again", "asked", "refund", "refund done", "refund done again", "closed")


@given(st.permutations(EVENTS))
@hypothesis_settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_in_whatever_order_the_news_comes_the_books_agree_with_the_gateway(sandbox, knock, events):
    """Everything happened at the gateway already; the news comes in any order, some of it twice."""
    order = paid_order(sandbox)
    payment = the_payment(order)
    paid = sandbox.notices.waiting.pop()
    services.request_refund(order, reason="the doctor never came", by=SYSTEM)
    refund = Refund.objects.get(payment=payment)
    inquiries.pursue(refund)
    sandbox.finish_refund(refund.number)
    returned = sandbox.notices.waiting.pop()
    news = {
        "paid": lambda: knock(*sandbox.notices.packed(paid)),
        "paid again": lambda: knock(*sandbox.notices.packed(paid)),
        "asked": lambda: services.refresh(order, by=SYSTEM),
        "refund": lambda: services.request_refund(order, reason="again", by=SYSTEM),
        "refund done": lambda: knock(*sandbox.notices.packed(returned)),
        "refund done again": lambda: knock(*sandbox.notices.packed(returned)),
        "closed": inquiries.close_expired,
    }
    for event in events:
        news[event]()
    assert fresh(order).state == "refunded"
    assert set(ledger.balances(order=order).values()) == {0}
    assert LedgerEntry.objects.filter(order=order).count() == 3
    assert len([r for r in sandbox.books.refunds.values() if r.out_trade_no == payment.number]) == 1


@given(st.lists(st.sampled_from(["notice", "ask", "round", "expire", "close"]), max_size=6))
@hypothesis_settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_one_payment_is_booked_once_as_income_or_as_owed(sandbox, knock, steps):
    order = an_order()
    start(order)
    payment = the_payment(order)
    sandbox.pay(payment.number)
    notice = sandbox.notices.waiting.pop()
    moves: dict[str, Callable[[], object]] = {
        "notice": lambda: knock(*sandbox.notices.packed(notice)),
        "ask": lambda: services.refresh(order, by=SYSTEM),
        "round": inquiries.ask_due,
        "expire": inquiries.close_expired,
        "close": lambda: _close(order),
    }
    for step in [*steps, "notice"]:
        moves[step]()
    state = fresh(order).state
    assert state in ("paid", "closed")
    income, owed = ledger.balance("income", order), ledger.balance("owed-to-patient", order)
    assert (income, owed) == ((FEE, 0) if state == "paid" else (0, FEE))


def _close(order: Order) -> None:
    if fresh(order).state in ("created", "awaiting_payment"):
        services.close(order, by=SYSTEM)


@pytest.mark.django_db(transaction=True)
def test_eight_callbacks_at_the_same_moment_book_once(sandbox, knock):
    order = an_order()
    start(order)
    sandbox.pay(the_payment(order).number)
    notice = sandbox.notices.waiting[0]
    together, statuses = threading.Barrier(8), []

    def post():
        body, headers = sandbox.notices.packed(notice)
        together.wait()
        statuses.append(knock(body, headers))
        connection.close()

    threads = [threading.Thread(target=post) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 8
    assert fresh(order).state == "paid"
    assert LedgerEntry.objects.filter(order=order).count() == 1
    assert order.transitions.filter(name="settle").count() == 1
    assert ledger.balances(institution=CENTRE) == {"gateway:wechat": FEE, "income": -FEE}
    assert Callback.objects.count() == 1
