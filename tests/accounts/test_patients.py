"""A patient proves who they are, and nobody else does."""

import logging
import re
import threading
from datetime import timedelta

import pytest
import time_machine
from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client, RequestFactory

from accounts import messages, services
from accounts.models import PatientCode
from kernel.clock import now
from kernel.errors import Busy, Refused
from tests.accounts import make

pytestmark = pytest.mark.django_db
PHONE = "19900001234"


@pytest.fixture(autouse=True)
def demo(settings):
    settings.DEMO = True
    cache.clear()


def code_for(phone: str = PHONE) -> str:
    found = re.search(r"\d{6}", messages.shown_in_demo(phone)[0].text)
    assert found
    return found[0]


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


@pytest.mark.embedded
def test_the_code_from_the_phone_opens_the_door_once():
    zhao = make.patient()
    services.send_code(zhao)
    services.check_code(zhao, code_for())
    with pytest.raises(Refused):
        services.check_code(zhao, code_for())


def test_a_code_is_kept_as_a_digest_only():
    services.send_code(make.patient())
    assert code_for() not in PatientCode.objects.get().digest


@pytest.mark.embedded
def test_after_five_wrong_tries_the_right_code_is_worth_nothing():
    zhao = make.patient()
    services.send_code(zhao)
    wrong = other_than(code_for())
    for _try in range(4):
        with pytest.raises(Refused):
            services.check_code(zhao, wrong)
    with pytest.raises(Busy):
        services.check_code(zhao, wrong)
    with pytest.raises(Refused):
        services.check_code(zhao, code_for())


def test_a_code_ends_after_five_minutes():
    zhao = make.patient()
    services.send_code(zhao)
    with time_machine.travel(now() + timedelta(minutes=6)), pytest.raises(Refused):
        services.check_code(zhao, code_for())


def test_a_new_code_ends_the_one_before():
    zhao = make.patient()
    services.send_code(zhao)
    first = code_for()
    with time_machine.travel(now() + timedelta(seconds=61)):
        services.send_code(zhao)
        if first != code_for():
            with pytest.raises(Refused):
                services.check_code(zhao, first)
        services.check_code(zhao, code_for())


def test_a_code_opens_only_the_account_it_was_sent_for():
    zhao, wang = make.patient(), make.patient("王", phone="19900005678")
    services.send_code(zhao)
    services.send_code(wang)
    if code_for(PHONE) != code_for("19900005678"):
        with pytest.raises(Refused):
            services.check_code(wang, code_for(PHONE))
    services.check_code(zhao, code_for(PHONE))


def test_codes_are_sent_once_a_minute_and_six_times_an_hour():
    zhao, began = make.patient(), now()
    for minute in range(6):
        with time_machine.travel(began + timedelta(seconds=61 * minute)):
            services.send_code(zhao)
            with pytest.raises(Busy) as held:
                services.send_code(zhao)
            assert 0 < held.value.retry_after <= 3600
    with time_machine.travel(began + timedelta(minutes=30)), pytest.raises(Busy):
        services.send_code(zhao)
    with time_machine.travel(began + timedelta(minutes=62)):
        services.send_code(zhao)


@pytest.mark.django_db(transaction=True)
def test_of_requests_at_once_one_sends_a_code():
    zhao, answers = make.patient(), []

    def ask() -> None:
        try:
            services.send_code(zhao)
            answers.append("sent")
        except Busy:
            answers.append("busy")
        finally:
            connection.close()

    other = threading.Thread(target=ask)
    with transaction.atomic():
        services.send_code(zhao)
        other.start()
        other.join(0.5)
        assert answers == []  # it waits for what the first one comes to
    other.join()
    assert answers == ["busy"]


def test_an_unknown_phone_is_answered_like_a_known_one():
    make.patient()
    known, unknown = services.link_code(PHONE), services.link_code("19900009999")
    assert abs(known - unknown) < timedelta(seconds=2)
    assert messages.shown_in_demo("19900009999") == []
    for phone in (PHONE, "19900009999"):
        with pytest.raises(Busy):
            services.link_code(phone)


def test_a_family_shares_a_phone():
    zhao, wife = make.patient("赵德明"), make.patient("陈玉兰")
    services.link_code(PHONE)
    assert services.check_phone_code(PHONE, code_for()) == [zhao, wife]


def test_no_code_and_no_phone_in_the_log(settings, caplog):
    settings.DEMO = False
    with caplog.at_level(logging.DEBUG):
        services.send_code(make.patient())
    assert "sign-in-code" in caplog.text
    assert PHONE not in caplog.text
    assert not re.search(r"\d{6}", "".join(record.getMessage() for record in caplog.records))


def test_outside_the_demo_no_message_is_shown(settings):
    services.send_code(make.patient())
    settings.DEMO = False
    assert messages.shown_in_demo(PHONE) == []


def test_signing_in_changes_the_key_of_the_session():
    client = Client()
    planted = str(client.session.session_key)
    request = RequestFactory().get("/")
    request.session = client.session
    services.sign_in_patient(request, make.patient())
    request.session.save()
    assert request.session.session_key != planted
    assert not client.session.exists(planted)
