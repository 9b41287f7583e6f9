"""Notifications with real workers: at once, killed, and woken by the commit."""

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from celery.contrib.testing.worker import start_worker
from django.db import connection, transaction

from config.celery import app
from kernel.clock import now
from records import access, hooks, store
from records.models import SubscriptionEvent, SubscriptionState
from records.subscriptions import delivery, events, interest, life, waking
from records.tasks import deliver_notifications
from tests.fakes.endpoint import Endpoint
from tests.records.cast import DR_LIN, partner, task
from tests.records.test_subscriptions import subscription

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parents[2]
PARTNER = partner()


@pytest.fixture
def endpoint():
    with Endpoint() as running:
        yield running


@pytest.fixture
def greeted(api, endpoint, monkeypatch):
    """An active Subscription to tasks; its id."""
    monkeypatch.setattr(hooks, "_standing", [])
    made = api.post("Subscription", subscription(endpoint=endpoint.url, max_count=2), by=PARTNER)
    with time_machine.travel(now() + timedelta(seconds=3), tick=False):
        assert delivery.deliver_due() == 1
    SubscriptionState.objects.update(due_ms=0)
    endpoint.taken()
    return made.body["id"]


def new_task():
    with transaction.atomic():
        made = store.create("Task", task(), by=DR_LIN)
        access.grant(to=PARTNER.reference, resources=[made.reference], why="test")
    return made


def at_once(count, work):
    """Run ``work`` in so many threads, all beginning together."""
    start = threading.Barrier(count)

    def run():
        start.wait()
        try:
            work()
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.embedded
def test_of_many_workers_at_once_each_event_is_sent_by_one(greeted, endpoint):
    for _ in range(9):
        new_task()
    at_once(4, delivery.deliver_due)
    assert [message.numbers for message in endpoint.taken()] == [
        [1, 2],
        [3, 4],
        [5, 6],
        [7, 8],
        [9],
    ]


@pytest.mark.embedded
def test_many_writers_wait_for_nobody_and_leave_no_number_out(greeted, endpoint):
    def write():
        for n in range(5):
            new_task()
            if n % 2:
                undo()
            events.number_all()

    def undo():
        with pytest.raises(RuntimeError), transaction.atomic():
            new_task()
            raise RuntimeError

    at_once(4, write)
    events.number_all()
    numbers = SubscriptionEvent.objects.order_by("number").values_list("number", flat=True)
    assert list(numbers) == list(range(1, 21))


def test_a_writer_who_has_not_finished_holds_up_no_delivery(greeted, endpoint):
    began, finish = threading.Event(), threading.Event()

    def slow():
        with transaction.atomic():
            new_task()
            began.set()
            finish.wait(30)
        connection.close()

    writer = threading.Thread(target=slow)
    writer.start()
    assert began.wait(10)
    new_task()
    assert delivery.deliver_due() == 1
    finish.set()
    writer.join()
    assert delivery.deliver_due() == 1
    assert [message.numbers for message in endpoint.taken()] == [[1], [2]]


DIES = """
import os, signal, django
django.setup()
from records import hooks
from records.subscriptions import delivery
hooks._standing.clear()
send = delivery._send
def die(terms, bundle):
    {before}
    os.kill(os.getpid(), signal.SIGKILL)
delivery._send = die
delivery.deliver_due()
"""


@pytest.mark.parametrize(("before", "times"), [("pass", 1), ("send(terms, bundle)", 2)])
def test_a_process_killed_while_sending_loses_nothing(greeted, endpoint, before, times):
    new_task()
    base, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    name = connection.settings_dict["NAME"]
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", DIES.format(before=before)],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": f"{base}/{name}"},
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL
    assert delivery.deliver_due() == 0  # the lease of the dead runs still
    with time_machine.travel(now() + timedelta(seconds=delivery.LEASE + 1), tick=False):
        assert delivery.deliver_due() == 1
    assert [message.numbers for message in endpoint.taken()] == [[1]] * times


def test_a_worker_that_comes_too_late_changes_nothing(greeted, endpoint):
    new_task()
    endpoint.deaf.set()
    late = threading.Thread(target=at_once, args=(1, delivery.deliver_due))
    late.start()
    while not endpoint.came:
        time.sleep(0.01)
    endpoint.deaf.clear()
    with time_machine.travel(now() + timedelta(seconds=delivery.LEASE + 1)):
        new_task()
        assert delivery.deliver_due() == 1
    endpoint.awake.set()
    late.join()
    assert [message.numbers for message in endpoint.taken()] == [[1], [1, 2]]
    assert SubscriptionState.objects.get().delivered == 2


def test_what_the_client_writes_meanwhile_wins(greeted, endpoint, api):
    new_task()
    endpoint.deaf.set()
    endpoint.answers = [410]
    sending = threading.Thread(target=at_once, args=(1, delivery.deliver_due))
    sending.start()
    while not endpoint.came:
        time.sleep(0.01)
    body = api.get(f"Subscription/{greeted}", by=PARTNER).body
    assert api.put(f"Subscription/{greeted}", body | {"status": "off"}, by=PARTNER).status == 200
    endpoint.awake.set()
    sending.join()
    assert api.get(f"Subscription/{greeted}", by=PARTNER).body["status"] == "off"
    assert SubscriptionState.objects.get().status == "off"


@pytest.mark.embedded
def test_a_commit_wakes_a_worker(api, endpoint, monkeypatch):
    monkeypatch.setattr(hooks, "_standing", [])
    monkeypatch.setattr(life, "SETTLES", 0.1)
    assert deliver_notifications.name == waking.TASK
    with start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=30):
        api.post("Subscription", subscription(endpoint=endpoint.url), by=PARTNER)
        wait_for(lambda: SubscriptionState.objects.get().status == "active")
        new_task()
        wait_for(lambda: len(endpoint.came) == 2)
    assert [message.said["type"] for message in endpoint.taken()] == [
        "handshake",
        "event-notification",
    ]


def wait_for(condition, seconds=20):
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it did not happen"
        time.sleep(0.02)


def test_a_subscription_made_by_another_process_is_seen_within_a_second(api, endpoint, monkeypatch):
    """The other process: its memory is not told, only its clock runs."""
    monkeypatch.setattr(hooks, "_standing", [])
    monkeypatch.setattr(interest, "SECONDS", 0.3)
    monkeypatch.setattr(life.interest, "forget", lambda: None)
    assert not interest.wanted("Task")
    api.post("Subscription", subscription(endpoint=endpoint.url), by=PARTNER)
    assert not interest.wanted("Task")
    wait_for(lambda: interest.wanted("Task"), seconds=0.5)
    assert life.SETTLES > 1.0
