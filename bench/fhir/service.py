"""The service as in production: ``config.asgi`` under uvicorn, a durable PostgreSQL."""

import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from config.embedded import Postgres, free_port

ROOT = Path(__file__).resolve().parents[2]
TICKS = os.sysconf("SC_CLK_TCK")
STARTS_WITHIN = 60.0
TOKEN = """
import django
django.setup()
from accounts.models import Partner
from accounts.oauth.tokens import issue
print(issue(Partner(organization_id="bench", name="Bench"), "system/*.cruds"))
"""


@dataclass
class Service:
    """A running service: where, its processes, and the environment of its commands."""

    port: int
    web: int
    database: int
    environment: dict[str, str]

    def token(self) -> str:
        """A fresh token of a partner; it lasts five minutes."""
        return self.python("-c", TOKEN).strip()

    def python(self, *arguments: str) -> str:
        """Run Python beside the service and return what it prints."""
        return _python(self.environment, *arguments)

    def cpu(self) -> float:
        """CPU seconds so far of the web process and of PostgreSQL with all its backends."""
        living = sum(cpu(pid) for pid in _children(self.database))
        return cpu(self.web) + living + cpu(self.database, waited=True)

    def forget_peak(self) -> None:
        """Begin to measure the peak of the web process's memory anew."""
        Path(f"/proc/{self.web}/clear_refs").write_text("5")

    def peak(self) -> float:
        """The most resident memory of the web process since then, in MB."""
        lines = Path(f"/proc/{self.web}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


@contextmanager
def database() -> Iterator[Postgres]:
    """A durable PostgreSQL."""
    postgres = Postgres(durable=True)
    try:
        postgres.start()
        yield postgres
    finally:
        postgres.close()


@contextmanager
def service(postgres: Postgres, name: str) -> Iterator[Service]:
    """A web process on a new database ``name``."""
    with tempfile.TemporaryDirectory() as folder:
        postgres.create_database(name)
        environment = os.environ | {
            "DATABASE_URL": postgres.url(name),
            **{"REDIS_URL": "", "DEBUG": "0", "DATA_DIR": folder, "LOG_LEVEL": "WARNING"},
            **{"SECRET_KEY": "bench-only-" * 4, "DJANGO_SETTINGS_MODULE": "config.settings"},
            "PYTHONWARNINGS": "ignore",
        }
        _python(environment, "manage.py", "migrate", "--verbosity", "0")
        port = free_port()
        command = ("-m", "uvicorn", "config.asgi:application", "--log-level", "warning")
        options = ("--host", "127.0.0.1", "--port", str(port), "--lifespan", "off")
        web = subprocess.Popen([sys.executable, *command, *options], cwd=ROOT, env=environment)
        try:
            _wait(port, web)
            running = (postgres.home / "data" / "postmaster.pid").read_text()
            yield Service(port, web.pid, int(running.split()[0]), environment)
        finally:
            web.terminate()
            web.wait(20)


def _python(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout


def _wait(port: int, web: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < ends and web.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the service did not start")


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def cpu(pid: int, *, waited: bool = False) -> float:
    """User and system seconds of a process; of its ended children too when ``waited``."""
    try:
        fields = _stat(pid)
    except OSError:
        return 0.0
    return sum(int(field) for field in fields[11 : 15 if waited else 13]) / TICKS


def _children(pid: int) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int(_stat(int(folder.name))[1])
        except OSError:
            continue
        if parent == pid:
            found.append(int(folder.name))
    return found
