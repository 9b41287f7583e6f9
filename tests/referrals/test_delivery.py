"""Messages reach the hospital once, in order, through every trouble, and nothing is lost."""

import os
import signal
import subprocess
import sys
import threading
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import orjson
import pytest
import time_machine
from django.db import connection

from kernel import outbox
from kernel.clock import now
from kernel.transitions import apply
from referrals import services
from referrals.exchange import client, delivery, transport
from referrals.exchange.identity import public_jwks
from referrals.models import Delivery, Referral
from tests.referrals import make

ROOT = Path(__file__).resolve().parents[2]


def sent() -> Referral:
    """A referral whose message waits."""
    referral = services.send_referral(**make.WORDS, by=make.DR_LIN)
    outbox.deliver_due()
    return referral


def later(**much: float) -> time_machine.travel:
    return time_machine.travel(now() + timedelta(**much), tick=False)


@pytest.mark.embedded
def test_the_hospital_has_the_referral_and_its_note(world):
    referral = sent()
    assert delivery.deliver_due() == 1
    chart = world.hospital.chart
    (task,) = chart.of_kind("Task")
    order = chart.read(task["focus"]["reference"])
    assert order["reasonCode"][0]["text"] == "血压控制不满意"
    assert chart.read(order["subject"]["reference"])["name"][0]["text"] == "赵秀英"
    note = chart.read(task["input"][0]["valueReference"]["reference"])
    assert note["entry"][0]["resource"]["resourceType"] == "Composition"
    assert world.hospital.placer(task) == f"urn:uuid:{referral.public_id}"
    assert Delivery.objects.get().standing == "sent"


def test_decimals_arrive_as_exact_as_they_left():
    assert orjson.dumps({"value": Decimal("72.50")}, default=client._exact) == b'{"value":72.50}'


def test_there_is_one_message_however_often_the_outbox_tells(world):
    referral = sent()
    referral.transitions.update(delivered_at=None)
    outbox.deliver_due()
    assert Delivery.objects.count() == 1


@pytest.mark.parametrize(
    ("fault", "error"), [("busy", "busy"), ("broken", "busy"), ("garbage", "garbage")]
)
def test_a_passing_trouble_is_tried_again_until_it_is_over(world, fault, error):
    world.hospital.fault = fault
    sent()
    assert delivery.deliver_due() == 0
    waiting = Delivery.objects.get()
    assert (waiting.standing, waiting.error, waiting.attempts) == ("retrying", error, 1)
    assert delivery.deliver_due() == 0  # not yet
    world.hospital.fault = ""
    with later(minutes=1):
        assert delivery.deliver_due() == 1
    assert len(world.hospital.chart.of_kind("Task")) == 1
    assert Delivery.objects.get().error == ""


def test_waits_grow_and_end_at_an_hour(world):
    world.hospital.fault = "broken"
    sent()
    waits = []
    moment = now()
    for _ in range(12):
        with time_machine.travel(moment, tick=False):
            delivery.deliver_due()
            moment = Delivery.objects.get().due_at
            waits.append((moment - now()).total_seconds())
    assert waits[:3] == [15, 30, 60]
    assert waits == sorted(waits)
    assert waits[-1] == 3600


def test_the_hospitals_wish_for_a_pause_is_kept(world, monkeypatch):
    monkeypatch.setattr(delivery, "FIRST_WAIT", timedelta(seconds=1))
    world.hospital.fault = "busy"
    sent()
    with time_machine.travel(now(), tick=False):
        delivery.deliver_due()
        assert Delivery.objects.get().due_at - now() == timedelta(seconds=7)


@pytest.mark.parametrize(("fault", "error"), [("refuse", "refused"), ("redirect", "redirected")])
def test_what_will_never_work_waits_for_a_person(world, fault, error):
    world.hospital.fault = fault
    referral = sent()
    delivery.deliver_due()
    stuck = Delivery.objects.get()
    assert (stuck.standing, stuck.error) == ("stuck", error)
    with later(days=3):
        assert delivery.deliver_due() == 0
    world.hospital.fault = ""
    assert services.resend(referral, by=make.DR_LIN) == 1
    assert delivery.deliver_due() == 1


def test_a_message_whose_answer_was_lost_changes_nothing_the_second_time(world):
    world.hospital.fault = "lost"
    sent()
    delivery.deliver_due()
    before = {**world.hospital.chart.resources}
    assert len(before) == 6
    world.hospital.fault = ""
    with later(minutes=1):
        assert delivery.deliver_due() == 1
    assert world.hospital.chart.resources == before


def test_a_token_that_the_hospital_forgot_is_asked_for_anew(world):
    world.hospital.fault = "forgetful"
    sent()
    assert delivery.deliver_due() == 1


def test_a_hospital_that_does_not_know_our_key_is_asked_again_later(world):
    sent()
    world.hospital.home._jwks = world.jwks  # somebody else's keys
    delivery.deliver_due()
    assert Delivery.objects.get().error == "unauthorised"
    world.hospital.home._jwks = public_jwks()
    with later(minutes=1):
        assert delivery.deliver_due() == 1


def test_a_slow_hospital_is_not_waited_for_longer_than_our_limit(world, monkeypatch):
    monkeypatch.setattr(transport, "ANSWER_SECONDS", 0.3)
    world.hospital.fault = "slow"
    sent()
    delivery.deliver_due()
    assert Delivery.objects.get().error == "unreachable"


def test_a_hospital_that_is_away_loses_nothing(world):
    world.stop()
    sent()
    delivery.deliver_due()
    assert (Delivery.objects.get().error, Delivery.objects.get().permanent) == (
        "unreachable",
        False,
    )


def test_an_answer_longer_than_we_read_is_no_answer(world, monkeypatch):
    monkeypatch.setattr(client, "LARGEST_ANSWER", 300)
    sent()
    delivery.deliver_due()
    assert Delivery.objects.get().error == "too-large"


def test_private_addresses_and_plain_http_are_refused_unless_allowed(world, settings):
    settings.PARTNER_PRIVATE_NETWORKS = False
    sent()
    delivery.deliver_due()
    assert Delivery.objects.get().error == "private"
    assert world.hospital.messages == 0


def test_later_messages_wait_for_the_first_and_update_the_task(world):
    world.hospital.fault = "broken"
    referral = sent()
    delivery.deliver_due()
    apply(referral, "receive", by=make.HOSPITAL_SYSTEM)
    services.ask_cancel(referral, by=make.DR_LIN)
    outbox.deliver_due()
    assert delivery.deliver_due() == 0  # the second is due, but the first has not arrived
    world.hospital.fault = ""
    with later(minutes=1):
        assert delivery.deliver_due() == 2
    (task,) = world.hospital.chart.of_kind("Task")
    assert "5.2" in [c["code"] for c in task["businessStatus"]["coding"]]
    assert task["meta"]["versionId"] == "2"


def test_the_log_tells_the_kind_of_trouble_and_nobodys_name(world, caplog):
    world.hospital.fault = "refuse"
    sent()
    delivery.deliver_due()
    assert "refused: status 422" in caplog.text
    assert "赵" not in caplog.text


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_at_once_one_sends(hospital):
    make.world(hospital.fhir_base)
    sent()
    arrived: list[int] = []

    def work() -> None:
        try:
            arrived.append(delivery.deliver_due())
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(arrived) == 1
    assert hospital.hospital.messages == 1


DIES = """
import os, signal, django
django.setup()
from django.conf import settings
settings.EXCHANGE_KEY_FILE = os.environ["KEY"]
from referrals.exchange import client, delivery
send = client.PartnerClient.transaction
def die(self, bundle):
    {before}
    os.kill(os.getpid(), signal.SIGKILL)
client.PartnerClient.transaction = die
delivery.deliver_due()
"""


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("before", ["pass", "send(self, bundle)"])
def test_a_process_killed_while_sending_loses_and_doubles_nothing(hospital, key, before):
    make.world(hospital.fhir_base)
    sent()
    base, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", DIES.format(before=before)],
        cwd=ROOT,
        env={
            **os.environ,
            "DATABASE_URL": f"{base}/{connection.settings_dict['NAME']}",
            "KEY": str(key),
        },
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL
    waiting = Delivery.objects.get()
    assert (waiting.standing, waiting.attempts) == ("waiting", 1)
    assert delivery.deliver_due() == 0  # the dead one's lease still runs
    with later(seconds=delivery.LEASE.total_seconds() + 1):
        assert delivery.deliver_due() == 1
    assert len(hospital.hospital.chart.of_kind("Task")) == 1
    assert hospital.hospital.messages == (1 if before == "pass" else 2)
