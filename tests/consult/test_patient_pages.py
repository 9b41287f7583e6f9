"""The patient's pages over HTTP, from the link to the end."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from accounts import messages
from consult import services
from consult.models import VisitLink
from kernel.clock import now
from tests.accounts import make
from tests.consult.cast import NOTE, again, order_of, shown_code
from tests.payments.conftest import running, sandbox  # noqa: F401

pytestmark = pytest.mark.django_db
PAY_URL = re.compile(r'id="to-gateway" href="([^"]+)"')


@pytest.fixture
def demo(settings):
    """A demonstration service: codes are shown on the page."""
    settings.DEMO = True


def proved(cast, visit) -> Client:
    """Mrs Zhao's browser after she typed the code."""
    client = Client()
    page = client.post(f"{visit.link}code").content.decode()
    code = shown_code(page)
    assert client.post(f"{visit.link}check", {"code": code}).status_code == 302
    return client


def step(client, visit) -> str:
    """The title of what the patient sees."""
    (title,) = re.findall(r"<h1>([^<]+)", client.get(visit.link).content.decode())
    return str(title)


def test_the_link_alone_tells_nothing_about_the_patient(cast, client, demo):
    visit = cast.visit()
    html = client.get(visit.link).content.decode()
    assert cast.zhao.name not in html
    assert "2846" in html
    assert visit.reason not in html
    assert cast.zhao.phone not in html


def test_a_wrong_code_does_not_open_and_the_right_one_does(cast, demo):
    visit, client = cast.visit(), Client()
    client.post(f"{visit.link}code")
    answer = client.post(f"{visit.link}check", {"code": "000000"})
    assert answer.status_code == 422
    assert again(visit).identified_at is None
    (message,) = messages.shown_in_demo(cast.zhao.phone)
    code = shown_code(message.text)
    assert client.post(f"{visit.link}check", {"code": code}).status_code == 302
    assert again(visit).identified_at is not None
    assert "您同意吗" in step(client, visit) or "agree" in step(client, visit)


def test_steps_lead_to_the_waiting_room(cast, demo):
    visit = cast.visit()
    client = proved(cast, visit)
    client.post(f"{visit.link}consent", {"version": "2026-11", "agree": "yes"})
    client.post(f"{visit.link}device", {"camera": "yes", "microphone": "yes"})
    assert again(visit).state == "waiting"
    html = client.get(visit.link).content.decode()
    assert 'id="place"' in html
    assert cast.zhao.name in html


def test_a_phone_without_a_camera_still_gets_its_place(cast, demo):
    visit = cast.visit()
    client = proved(cast, visit)
    client.post(f"{visit.link}consent")
    client.post(f"{visit.link}device", {"camera": "no", "microphone": "yes"})
    visit_now = again(visit)
    assert (visit_now.state, visit_now.video_works) == ("waiting", False)


@pytest.mark.parametrize(
    "rest", ["consent", "device", "pay", "paid", "do/check_in", "do/cancel_by_patient", "ticket"]
)
def test_without_proof_nothing_is_done(cast, rest):
    visit, client = cast.waiting(), Client()
    link = services.new_link(visit)
    answer = client.post(f"{link}{rest}")
    assert (answer.status_code, answer["Location"]) == (302, link)
    assert again(visit).state == "waiting"


def test_another_patients_proof_does_not_open_this_visit(cast):
    visit = cast.waiting()
    link = services.new_link(visit)
    qian = make.patient_in(cast.qian)
    assert cast.zhao.name not in qian.get(link).content.decode()
    assert qian.post(f"{link}do/cancel_by_patient").status_code == 302
    assert qian.post(f"{link}ticket").status_code == 302
    assert again(visit).state == "waiting"


def test_a_link_that_is_no_good_says_so(cast, client):
    assert client.get("/visit/nonsense/").status_code == 404
    visit = cast.visit()
    with time_machine.travel(now() + timedelta(days=40)):
        assert client.get(visit.link).status_code == 404


def test_paying_at_the_gateway_opens_the_waiting_room(cast, demo, sandbox):  # noqa: F811
    visit = cast.visit(pay_later=False)
    client = proved(cast, visit)
    client.post(f"{visit.link}consent")
    client.post(f"{visit.link}device", {"camera": "yes", "microphone": "yes"})
    assert again(visit).state == "booked"
    page = client.post(f"{visit.link}pay").content.decode()
    assert PAY_URL.findall(page)[0].startswith(sandbox.url)
    # The link is a permission; the gateway is told another address to come back to.
    assert visit.link.split("/")[2] not in PAY_URL.findall(page)[0]
    back = client.get(f"/me/visits/{visit.public_id}/paid")
    assert back.status_code == 302
    assert VisitLink.objects.filter(visit=visit).count() == 2
    assert client.get(back["Location"]).status_code == 302
    stranger = make.patient_in(cast.qian)
    assert stranger.get(f"/me/visits/{visit.public_id}/paid").status_code == 404
    client.get(f"{visit.link}paid")
    assert again(visit).state == "booked"
    (trade,) = sandbox.books.trades.values()
    sandbox.pay(trade.out_trade_no)
    answer = client.get(f"{visit.link}paid")
    assert (answer.status_code, answer["Location"]) == (302, visit.link)
    assert again(visit).state == "waiting"


def test_giving_up_a_paid_visit_asks_the_money_back(cast, demo, sandbox):  # noqa: F811
    visit = cast.visit(pay_later=False)
    client = proved(cast, visit)
    client.post(f"{visit.link}consent")
    client.post(f"{visit.link}device", {"camera": "yes", "microphone": "yes"})
    client.post(f"{visit.link}pay")
    (trade,) = sandbox.books.trades.values()
    sandbox.pay(trade.out_trade_no)
    client.get(f"{visit.link}paid")
    client.post(f"{visit.link}do/cancel_by_patient")
    assert again(visit).state == "cancelled_by_patient"
    assert order_of(visit).state == "refund_due"
    assert "25.00" in client.get(visit.link).content.decode()


def test_a_gateway_that_is_away_is_said_and_nothing_is_lost(cast, demo, settings):
    settings.WECHAT_PAY = {**settings.WECHAT_PAY, "url": ""}
    visit = cast.visit(pay_later=False)
    client = proved(cast, visit)
    client.post(f"{visit.link}consent")
    client.post(f"{visit.link}device", {"camera": "yes", "microphone": "yes"})
    answer = client.post(f"{visit.link}pay")
    assert answer.status_code == 409
    assert 'role="alert"' in answer.content.decode()
    assert again(visit).state == "booked"


def test_called_in_the_patient_gets_a_ticket_and_later_the_summary(cast, demo):
    visit = cast.waiting()
    link = services.new_link(visit)
    client = make.patient_in(cast.zhao)
    assert client.get(f"{link}call/").status_code == 302
    services.call_in(visit, by=cast.doctor)
    assert f"{link}call/" in client.get(link).content.decode()
    html = client.get(f"{link}call/").content.decode()
    assert f'data-ticket="{link}ticket"' in html
    assert set(client.post(f"{link}ticket").json()) == {"room", "ticket"}
    for who in (visit.doctor, visit.patient):
        services.presence(visit.purpose, who, True)
    services.end_call(visit, by=cast.doctor)
    assert client.post(f"{link}ticket", headers={"Accept": "application/json"}).status_code == 409
    services.sign(cast.written(visit), by=cast.doctor)
    summary = client.get(link).content.decode()
    assert "布洛芬停掉" in summary
    assert NOTE["safety_net"] in summary
    assert "原发性高血压" in summary


@pytest.mark.parametrize(
    ("end", "kind"),
    [
        (lambda cast, v: services.cancel(v, reason="doctor-away", by=cast.doctor), "cancelled"),
        (lambda cast, v: services.doctor_absent(v), "doctor_absent"),
        (lambda cast, v: services.patient_absent(v, by=cast.doctor), "patient_absent"),
        (
            lambda cast, v: services.decline_online(v, reason="examination", by=cast.doctor),
            "failed",
        ),
    ],
)
def test_every_end_has_its_page(cast, end, kind):
    visit = cast.waiting()
    link = services.new_link(visit)
    end(cast, visit)
    answer = make.patient_in(cast.zhao).get(link)
    assert answer.status_code == 200
    assert answer.context["page"].kind == kind
    assert 'id="end"' in answer.content.decode()


def test_the_patients_own_page_lists_their_visits_only(cast):
    visit = cast.visit()
    other = cast.visit(cast.qian, reason="痛风发作")
    browser = make.patient_in(cast.zhao)
    html = browser.get("/me/").content.decode()
    assert visit.public_id in html
    assert other.public_id not in html
    assert "痛风" not in html
    opened = browser.post(f"/me/visits/{visit.public_id}/open")
    assert opened["Location"].startswith("/visit/")
    assert again(visit).identified_at is not None
    assert browser.post(f"/me/visits/{other.public_id}/open").status_code == 404
    assert Client().get("/me/").status_code == 401


def test_the_own_page_costs_the_same_for_one_visit_and_for_many(
    cast, django_assert_max_num_queries
):
    browser = make.patient_in(cast.zhao)
    cast.visit()
    with django_assert_max_num_queries(20) as one:
        browser.get("/me/")
    for _ in range(8):
        cast.visit()
    with django_assert_max_num_queries(20) as many:
        browser.get("/me/")
    assert len(one) == len(many)
