"""The outbox tells each transition once, in order per thing, and loses nothing."""

import os
import signal
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.db import connection

from kernel import outbox
from kernel.clock import now
from kernel.principal import Principal
from kernel.transitions import apply
from kernel.wake import nudge, on_nudge
from tests.kernel.lamps.models import Heard, Lamp, LampTransition

KEEPER = Principal("Practitioner/keeper", roles=frozenset({"keeper"}))
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def handlers(monkeypatch):
    """An empty registry of handlers for one test."""
    monkeypatch.setattr(outbox, "_handlers", type(outbox._handlers)(list))
    return outbox


def hear(row):
    Heard.objects.create(lamp=row.thing.public_id, name=row.name)


def names(lamp=None):
    rows = Heard.objects.order_by("id")
    return [h.name for h in (rows.filter(lamp=lamp.public_id) if lamp else rows)]


@pytest.mark.django_db
@pytest.mark.embedded
def test_each_transition_is_told_once_and_in_order(handlers):
    handlers.on("lamp")(hear)
    lamp = Lamp.objects.create()
    for name in ("light", "douse", "light", "drop"):
        apply(lamp, name, by=KEEPER)
    assert outbox.backlog() == 4
    assert outbox.deliver_due() == 4
    assert outbox.deliver_due() == 0
    assert names() == ["light", "douse", "light", "drop"]
    assert outbox.backlog() == 0


@pytest.mark.django_db
def test_a_handler_for_one_name_hears_only_that(handlers):
    handlers.on("lamp", "douse")(hear)
    lamp = Lamp.objects.create()
    apply(lamp, "light", by=KEEPER)
    apply(lamp, "douse", by=KEEPER)
    outbox.deliver_due()
    assert names() == ["douse"]


@pytest.mark.django_db
@pytest.mark.embedded
def test_a_failing_handler_is_retried_loses_nothing_and_holds_up_its_own_thing_only(handlers):
    sick, well = Lamp.objects.create(), Lamp.objects.create()
    failing = {"light"}

    @handlers.on("lamp")
    def fragile(row):
        hear(row)
        if row.thing == sick and row.name in failing:
            raise RuntimeError("the lamp's owner is called Zhao")

    for lamp in (sick, well):
        apply(lamp, "light", by=KEEPER)
        apply(lamp, "douse", by=KEEPER)
    assert outbox.deliver_due() == 2
    assert names(sick) == []
    assert names(well) == ["light", "douse"]
    held = LampTransition.objects.get(thing=sick, name="light")
    assert (held.attempts, held.last_error) == (1, "RuntimeError")

    failing.clear()
    assert outbox.deliver_due() == 0
    with time_machine.travel(now() + timedelta(seconds=5), tick=False):
        assert outbox.deliver_due() == 2
    assert names(sick) == ["light", "douse"]


@pytest.mark.django_db
def test_the_log_names_the_kind_of_error_and_never_its_text(handlers, caplog):
    @handlers.on("lamp")
    def fragile(row):
        raise ValueError("310106195203181234")

    apply(Lamp.objects.create(), "light", by=KEEPER)
    outbox.deliver_due()
    assert "ValueError" in caplog.text
    assert "310106" not in caplog.text


@pytest.mark.django_db(transaction=True)
def test_deliverers_at_once_tell_each_transition_once(handlers):
    handlers.on("lamp")(hear)
    lamps = [Lamp.objects.create() for _ in range(8)]
    for lamp in lamps:
        for name in ("light", "douse", "drop"):
            apply(lamp, name, by=KEEPER)

    def deliver():
        try:
            while outbox.backlog():
                outbox.deliver_due()
        finally:
            connection.close()

    threads = [threading.Thread(target=deliver) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for lamp in lamps:
        assert names(lamp) == ["light", "douse", "drop"]


DIES = """
import os, signal, django
django.setup()
from kernel.principal import Principal
from kernel.transitions import apply
from kernel.wake import on_nudge
from tests.kernel.lamps.models import Lamp
on_nudge(lambda: os.kill(os.getpid(), signal.SIGKILL))
apply(Lamp.objects.get(), "light", by=Principal("x", roles=frozenset({"keeper"})))
"""


@pytest.mark.django_db(transaction=True)
def test_a_process_killed_between_commit_and_delivery_loses_nothing(handlers):
    handlers.on("lamp")(hear)
    lamp = Lamp.objects.create()
    base, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    url = f"{base}/{connection.settings_dict['NAME']}"
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", DIES],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url},
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL
    lamp.refresh_from_db()
    assert lamp.state == "on"
    assert names() == []
    assert outbox.deliver_due() == 1
    assert names() == ["light"]


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_away_harms_nobody(monkeypatch, caplog):
    def away():
        raise ConnectionError("no broker")

    monkeypatch.setattr("kernel.wake._wakers", [])
    on_nudge(away)
    nudge()
    lamp = apply(Lamp.objects.create(), "light", by=KEEPER)
    assert lamp.state == "on"
    assert "nudge failed: ConnectionError" in caplog.text
