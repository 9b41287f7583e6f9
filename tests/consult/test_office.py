"""Referrals and bills at the console: forms, refusals, whose they are, what lists cost."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client

from consult.models import Visit
from demo.numbers import identity_card
from kernel.clock import now
from payments import queries as orders
from referrals import queries as referrals
from tests.accounts import make
from tests.consult.cast import Cast, order_of, write, write_patient

pytestmark = pytest.mark.django_db
GOOD = {
    "to": "northern",
    "urgency": "soon",
    "purpose": "outpatient",
    "reason": "血压控制不佳",
    "summary": "",
}


@pytest.fixture
def lin(cast):
    """Dr Lin's browser."""
    return make.signed_in(cast.lin)


@pytest.fixture
def northern(db):
    """A partner hospital."""
    write("Organization", "northern", name="北部医疗中心")
    return make.partner("northern", name="北部医疗中心", fhir_base="http://127.0.0.1:9/fhir")


def refer(browser: Client, visit: Visit, **changes: str) -> Any:
    return browser.post(f"/console/visits/{visit.public_id}/refer", {**GOOD, **changes})


@pytest.mark.parametrize(
    ("field", "value"),
    [("to", "nowhere"), ("urgency", "yesterday"), ("purpose", "fun"), ("reason", "  ")],
)
def test_a_referral_with_something_wrong_names_it_and_keeps_what_was_typed(
    cast, lin, northern, field, value
):
    visit = cast.waiting()
    answer = refer(lin, visit, **{field: value})
    assert answer.status_code == 422
    assert [error.field for error in answer.context["form"].errors] == [field]
    assert GOOD["reason"] in answer.content.decode() or field == "reason"
    assert not referrals.referrals_of_visit(visit.public_id, cast.doctor)


def test_a_referral_is_seen_by_its_house_and_by_nobody_else(cast, lin, northern):
    visit = cast.waiting()
    assert refer(lin, visit).status_code == 302
    (row,) = referrals.referrals_of_visit(visit.public_id, cast.doctor)
    url = f"/console/referrals/{row.referral.public_id}/"
    assert GOOD["reason"] in lin.get(url).content.decode()
    wu = make.signed_in(cast.wu)
    assert wu.get(url).status_code == 404
    for act in ("do/withdraw", "do/ask_cancel", "do/resend", "answer"):
        assert wu.post(f"{url}{act}").status_code == 404
    assert row.referral.public_id not in wu.get("/console/referrals/").content.decode()


def test_a_referral_is_withdrawn_and_what_is_too_late_is_refused(cast, lin, northern):
    visit = cast.waiting()
    refer(lin, visit)
    (row,) = referrals.referrals_of_visit(visit.public_id, cast.doctor)
    url = f"/console/referrals/{row.referral.public_id}/"
    assert lin.post(f"{url}answer", {"text": ""}).status_code == 422
    assert lin.post(f"{url}answer", {"text": "血压记录"}).status_code == 409
    assert lin.post(f"{url}do/withdraw").status_code == 302
    assert lin.post(f"{url}do/withdraw").status_code == 409
    assert lin.post(f"{url}do/dance").status_code == 404
    assert lin.get("/console/referrals/?over=1").content.decode().count('id="referral-') == 1


def test_a_second_live_referral_is_refused_in_the_dialog(cast, lin, northern):
    visit = cast.waiting()
    refer(lin, visit)
    answer = refer(lin, visit)
    assert answer.status_code == 422
    assert answer.context["form"].errors


def several(cast: Cast, count: int, *, first: int = 0) -> None:
    """Visits with an order each."""
    for number in range(first, first + count):
        phone = f"1990002{number:04}"
        card = identity_card(date(1950, 1, 2), number, male=True)
        account = make.patient(f"居民{number}", at=make.institution("yunling"), phone=phone)
        write_patient(account, gender="male", born="1950-01-02", card=card)
        cast.visit(account, pay_later=False)


def test_twenty_bills_cost_what_ten_cost(cast, lin, django_assert_max_num_queries):
    several(cast, 10)
    with django_assert_max_num_queries(30) as ten:
        lin.get("/console/bills/")
    several(cast, 10, first=10)
    with django_assert_max_num_queries(30) as twenty:
        html = lin.get("/console/bills/").content.decode()
    assert html.count('id="order-') >= 20
    assert len(twenty) == len(ten)


def test_money_is_moved_by_cashiers_of_the_house_only(cast, lin):
    visit = cast.visit(pay_later=False)
    url = f"/console/bills/{order_of(visit).public_id}/do/close"
    stranger = make.signed_in(make.staff("far", "cashier", at=make.institution("pengpu")))
    assert lin.post(url).status_code == 403
    assert stranger.post(url).status_code == 404
    assert order_of(visit).state == "created"
    cashier = make.signed_in(make.staff("near", "cashier", at=make.institution("yunling")))
    refund = cashier.post(url.replace("close", "refund"))
    assert refund.status_code == 409
    assert cashier.post(url).status_code == 302
    found = orders.order_for(visit.purpose)
    assert found is not None
    assert found.state == "closed"


def test_the_till_counts_what_was_paid_today_whenever_it_was_opened(cast, lin):
    order = order_of(cast.visit(pay_later=False))
    url = "/console/bills/"
    assert lin.get(url).context["page"].totals.count == 0
    opened = now() - timedelta(days=2)
    type(order).objects.filter(pk=order.pk).update(
        created_at=opened, paid_at=now(), state="refunding"
    )
    totals = lin.get(url).context["page"].totals
    assert (totals.count, totals.money.total) == (1, order.fee)
    assert (totals.refunds, totals.refunds_due) == (1, order.cash)
