"""A visit over real services: the gateway's sandbox on a port, the outbox, the FHIR record."""

import pytest
from django.test import Client

from consult import services
from kernel import outbox
from kernel.principal import SYSTEM
from payments import services as payments
from records import search
from tests.consult.cast import NOTE, PRESSURE, again, gather, order_of, resource, shown_code
from tests.payments.conftest import running, sandbox  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cast():
    return gather()


def come(cast, visit, settings) -> Client:
    """The patient goes through every step up to the payment."""
    settings.DEMO = True
    browser = Client()
    shown = browser.post(f"{visit.link}code").content.decode()
    browser.post(f"{visit.link}check", {"code": shown_code(shown)})
    browser.post(f"{visit.link}consent", {"agree": "yes"})
    browser.post(f"{visit.link}device", {"camera": "yes", "microphone": "yes"})
    browser.post(f"{visit.link}pay")
    return browser


def pay(browser, visit, sandbox) -> None:  # noqa: F811
    (trade,) = sandbox.books.trades.values()
    sandbox.pay(trade.out_trade_no)
    browser.get(f"{visit.link}paid")


def test_from_booking_to_the_record_in_fhir(cast, sandbox, settings):  # noqa: F811
    visit = cast.visit(pay_later=False)
    browser = come(cast, visit, settings)
    pay(browser, visit, sandbox)
    order = order_of(visit)
    assert (again(visit).state, order.state) == ("waiting", "paid")
    assert outbox.deliver_due() > 0
    assert resource("Invoice", order.public_id)["totalNet"]["value"] == 25
    notice = resource("PaymentNotice", order.public_id)
    assert notice["request"]["reference"] == f"Invoice/{order.public_id}"

    services.call_in(again(visit), by=cast.doctor)
    for who in (visit.doctor, visit.patient):
        services.presence(visit.purpose, who, True)
    services.save_note(visit, texts=NOTE, version=0, by=cast.doctor)
    services.add_diagnosis(visit, code=PRESSURE, by=cast.doctor)
    signed = services.sign(visit, by=cast.doctor)
    assert outbox.deliver_due() > 0
    assert outbox.backlog() == 0

    encounter = resource("Encounter", signed.encounter_id)
    assert [step["status"] for step in encounter["statusHistory"]] == [
        "planned",
        "arrived",
        "in-progress",
    ]
    patient = [("patient", visit.patient.rpartition("/")[2])]
    for kind, count in (
        ("Appointment", 1),
        ("Encounter", 1),
        ("Consent", 1),
        ("Condition", 1),
        ("Composition", 1),
    ):
        assert len(search.search(kind, patient, by=cast.doctor).matches) == count, kind
        assert not search.search(kind, patient, by=cast.principal(cast.wu)).matches, kind
    assert "布洛芬停掉" in browser.get(visit.link).content.decode()


def test_a_doctor_who_does_not_come_brings_the_money_back(cast, sandbox, settings):  # noqa: F811
    visit = cast.visit(pay_later=False)
    browser = come(cast, visit, settings)
    pay(browser, visit, sandbox)
    services.doctor_absent(again(visit), by=SYSTEM)
    order = order_of(visit)
    assert order.state == "refund_due"
    payments.refresh(order, by=SYSTEM)
    (refund,) = sandbox.books.refunds.values()
    sandbox.finish_refund(refund.out_refund_no)
    payments.refresh(order, by=SYSTEM)
    assert order_of(visit).state == "refunded"
    page = browser.get(visit.link)
    assert page.context["page"].refund_done is True
    assert "25.00" in page.content.decode()


def test_hearing_twice_of_a_payment_writes_the_invoice_once(cast, sandbox, settings):  # noqa: F811
    visit = cast.visit(pay_later=False)
    browser = come(cast, visit, settings)
    pay(browser, visit, sandbox)
    outbox.deliver_due()
    order = order_of(visit)
    order.transitions.filter(name="settle").update(delivered_at=None)
    assert outbox.deliver_due() == 1
    patient = [("patient", visit.patient.rpartition("/")[2])]
    assert len(search.search("Invoice", patient, by=cast.doctor).matches) == 1
