"""The environment is checked at start, and a refusal names the variable."""

import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from config.database import postgresql
from config.env import Environment


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("DEBUG", "yes", lambda e: e.flag("DEBUG")),
        ("PUBLIC_URL", "tongzhen.example", lambda e: e.url("PUBLIC_URL", "https")),
        ("REDIS_URL", "http://127.0.0.1", lambda e: e.url("REDIS_URL", "redis")),
        ("MEDIA_PORTS", "40000", lambda e: e.ports("MEDIA_PORTS")),
        ("MEDIA_PORTS", "50000-40000", lambda e: e.ports("MEDIA_PORTS")),
        ("MEDIA_PORTS", "1-70000", lambda e: e.ports("MEDIA_PORTS")),
        ("SUBSCRIPTION_EVENT_DAYS", "0", lambda e: e.number("SUBSCRIPTION_EVENT_DAYS")),
        ("SUBSCRIPTION_EVENT_DAYS", "a month", lambda e: e.number("SUBSCRIPTION_EVENT_DAYS")),
        ("SECRET_KEY", "short", lambda e: e.secret("SECRET_KEY", debug=True, make=str)),
    ],
)
def test_a_wrong_value_is_refused_by_name(name, value, read):
    with pytest.raises(ImproperlyConfigured, match=name):
        read(Environment({name: value}))


def test_a_missing_secret_is_refused_in_service_and_drawn_in_debugging():
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY"):
        Environment({}).secret("SECRET_KEY", debug=False, make=lambda: "drawn")
    assert Environment({}).secret("SECRET_KEY", debug=True, make=lambda: "drawn") == "drawn"


def test_values_and_defaults():
    environment = Environment({"ALLOWED_HOSTS": "a.example, b.example,", "MEDIA_PORTS": "40-50"})
    assert environment.words("ALLOWED_HOSTS") == ["a.example", "b.example"]
    assert environment.ports("MEDIA_PORTS") == (40, 50)
    assert environment.url("PUBLIC_URL", "http") == "http://127.0.0.1:8000"
    assert environment.flag("DEBUG") is False
    assert environment.ports("REDIS_URL") is None
    assert environment.number("SUBSCRIPTION_EVENT_DAYS") == 30


def test_a_variable_outside_the_table_is_a_mistake_of_the_programmer():
    with pytest.raises(KeyError):
        Environment({}).text("COLOUR")


def test_the_database_address_is_taken_apart():
    made = postgresql("postgresql://a%40b:p%2Fw@db.example:5433/tong?sslmode=require", pool=3)
    assert (made["USER"], made["PASSWORD"]) == ("a@b", "p/w")
    assert (made["HOST"], made["PORT"], made["NAME"]) == ("db.example", 5433, "tong")
    assert made["OPTIONS"]["sslmode"] == "require"
    assert made["OPTIONS"]["pool"]["max_size"] == 3


def test_djangos_own_checks_for_service_find_nothing(tmp_path):
    service = {"DEBUG": "0", "DEMO": "0", "PUBLIC_URL": "https://tongzhen.example"}
    service |= {"SECRET_KEY": "".join(map(chr, range(40, 120))), "DATA_DIR": str(tmp_path)}
    told = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=settings.BASE_DIR,
        env={**os.environ, **service},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
