"""The gateway's bill of the day against our books."""

import pytest

from kernel.clock import today
from kernel.principal import SYSTEM
from payments import inquiries, queries, services, tasks
from payments.models import Payment, Reconciliation, Refund
from payments.reconciliation import reconcile
from tests.payments.cast import FEE, an_order, fresh, paid_order, start, the_payment

pytestmark = pytest.mark.django_db


def test_a_day_on_which_everything_agrees(sandbox):
    paid_order(sandbox)
    order = paid_order(sandbox)
    services.request_refund(order, reason="the doctor never came", by=SYSTEM)
    inquiries.pursue_due()
    found = reconcile("wechat", today())
    assert (found.lines, found.received, found.returned) == (3, 2 * FEE, FEE)
    assert found.differences == []


@pytest.mark.embedded
def test_a_day_without_business(sandbox):
    found = reconcile("wechat", today())
    assert (found.lines, found.received, found.differences) == (0, 0, [])


def test_a_payment_of_which_all_news_was_lost_is_found_by_the_bill(sandbox):
    order = an_order()
    start(order)
    sandbox.pay(the_payment(order).number)
    assert reconcile("wechat", today()).differences == []
    assert fresh(order).state == "paid"


def test_what_differs_is_named(sandbox):
    ours_only, theirs_only, other_sum = (paid_order(sandbox) for _ in range(3))
    del sandbox.books.trades[the_payment(ours_only).number]
    Payment.objects.filter(order=theirs_only).update(number="x" * 32)
    sandbox.books.trade(the_payment(other_sum).number).total = FEE + 1
    found = {(d["kind"], d["ours"], d["theirs"]) for d in reconcile("wechat", today()).differences}
    # The payment whose number we no longer know is theirs only, and ours only.
    assert found == {("missing", FEE, 0), ("unknown", 0, FEE), ("sum", FEE, FEE + 1)}


def test_once_a_day_however_often_it_runs(sandbox):
    paid_order(sandbox)
    for _ in range(2):
        reconcile("wechat", today())
    assert Reconciliation.objects.count() == 1
    assert list(queries.reconciliations()) == [Reconciliation.objects.get()]


@pytest.mark.django_db(transaction=True)
def test_the_nightly_task_leaves_out_what_is_off(sandbox, settings):
    tasks.reconcile_yesterday()
    assert Reconciliation.objects.count() == 1
    settings.WECHAT_PAY = {**settings.WECHAT_PAY, "mchid": ""}
    Reconciliation.objects.all().delete()
    tasks.reconcile_yesterday()
    assert not Reconciliation.objects.exists()
    assert not Refund.objects.exists()
