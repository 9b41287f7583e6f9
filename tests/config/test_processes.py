"""A family of processes starts, answers and ends together."""

import json
import os
import signal
import urllib.request

import pytest

from config.embedded import free_port
from deploy.processes import Family, port_is_free, run_once, wait_until_answers

pytestmark = pytest.mark.timeout(90)


@pytest.fixture
def family():
    made = Family()
    yield made
    made.stop()


@pytest.fixture
def environment(tmp_path):
    return {
        "DATABASE_URL": "",
        "REDIS_URL": "",
        "DATA_DIR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }


def test_the_whole_service_in_one_process_is_ready_and_stops_cleanly(family, environment):
    port = free_port()
    run_once("manage", "migrate", "-v0", env=environment)
    family.start("service", "config.run", "all", "--port", str(port), env=environment)
    assert wait_until_answers(f"http://127.0.0.1:{port}/readyz", family)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz") as answer:
        said = json.load(answer)
    assert said == {
        "ready": True,
        "database": "ok",
        "migrations": "ok",
        "redis": "ok",
        "media": "ok",
    }
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        assert b"tongzhen_outbox_backlog" in answer.read()
    family.stop()
    assert family.children["service"].returncode == 0
    assert port_is_free(port)


def test_a_role_of_the_services_profile_refuses_to_run_without_redis(family, environment):
    family.start("web", "config.run", "web", env=environment)
    assert family.wait() == 1
    assert family.children["web"].returncode == 2


def test_a_child_that_ends_ends_the_wait(family):
    family.start("short", "this", env={})
    assert family.wait() == 1
    assert family.ended() == "short"


def test_a_signal_ends_the_wait(family):
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    family.handle_signals()
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        assert family.wait() == 0
    finally:
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGINT, before[1])


def test_a_step_that_fails_ends_the_start():
    with pytest.raises(SystemExit) as ended:
        run_once("no_such_module", env={})
    assert ended.value.code == 1
