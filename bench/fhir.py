"""FHIR: CPU seconds of all server processes (web, PostgreSQL) for 1,000 requests, eight clients.

The service runs as in production: ``config.asgi`` under uvicorn, a durable PostgreSQL, a partner's
real token. The client is a process apart and not counted.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from config.embedded import Postgres, free_port

ROOT = Path(__file__).resolve().parent.parent
TICKS = os.sysconf("SC_CLK_TCK")
CLIENTS = 8
SEEDED = 500
STARTS_WITHIN = 60.0
GOALS = {
    "create_cpu_s_per_1000": 2.0,
    "read_cpu_s_per_1000": 0.6,
    "search_identifier_cpu_s_per_1000": 0.9,
    "transaction_50_cpu_s_per_1000": 30.0,
}
MRN = "http://hospital.example/mrn"
TOKEN = """
import django
django.setup()
from accounts.models import Partner
from accounts.oauth.tokens import issue
print(issue(Partner(organization_id="bench", name="Bench"), "system/*.cruds"))
"""
Json = dict[str, Any]


def run(*, quick: bool) -> dict[str, Json]:
    """Measure; each figure with its goal (lower is better). Linux only: CPU comes from /proc."""
    numbers = {"create": 800, "read": 1500, "search": 1500, "bundle": 40}
    scale = 1 if quick else 5
    with _service() as service:
        load = Load(service)
        asyncio.run(load.seed())
        values = dict(
            zip(
                GOALS,
                (
                    service.measure(load, load.create, numbers["create"] * scale),
                    service.measure(load, load.read, numbers["read"] * scale),
                    service.measure(load, load.search, numbers["search"] * scale),
                    service.measure(load, load.transaction, numbers["bundle"] * scale),
                ),
                strict=True,
            )
        )
    return {name: _figure(values[name], goal) for name, goal in GOALS.items()}


def _figure(value: float, goal: float) -> Json:
    rounded = round(value, 2)
    return {
        **{"value": rounded, "goal": goal, "unit": "s", "better": "lower"},
        "holds": rounded <= goal,
    }


@dataclass
class Service:
    """A running service: where, with which token, and its processes."""

    port: int
    token: str
    web: int
    database: int

    def cpu(self) -> float:
        """CPU seconds so far of the web process and of PostgreSQL with all its backends."""
        own = _cpu(self.web)
        living = sum(_cpu(pid) for pid in _children(self.database))
        return own + living + _cpu(self.database, waited=True)

    def measure(self, load: "Load", request: Callable[[], bytes], number: int) -> float:
        """CPU seconds for 1,000 of ``request``; context goes to the terminal."""
        asyncio.run(load.drive(request, 50))
        before, web, began = self.cpu(), _cpu(self.web), time.perf_counter()
        asyncio.run(load.drive(request, number))
        used, own, wall = self.cpu() - before, _cpu(self.web) - web, time.perf_counter() - began
        print(
            f"  {request.__name__:<12}{number / wall:8.0f} req/s, for 1,000: "
            f"web {1000 * own / number:.2f} s, PostgreSQL {1000 * (used - own) / number:.2f} s"
        )
        return 1000 * used / number


class Load:
    """Eight connections kept open, one request at a time on each."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.ids: list[str] = []
        self.numbers = count()
        self.tag = f"{time.time_ns():x}"

    async def seed(self) -> None:
        """Patients to read and find."""
        entries = [_entry(_patient(f"seed-{n}")) for n in range(SEEDED)]
        body = await self._each([self._post("", _bundle(entries))])
        answers = json.loads(body[0])["entry"]
        self.ids = [answer["response"]["location"].split("/")[1] for answer in answers]

    async def drive(self, request: Callable[[], bytes], number: int) -> None:
        """Send ``number`` requests. Raises RuntimeError for an answer that is no success."""
        await self._each([request() for _ in range(number)])

    async def _each(self, requests: list[bytes]) -> list[bytes]:
        waiting, answers = iter(requests), list[bytes]()

        async def client() -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.service.port)
            for request in waiting:
                writer.write(request)
                answers.append(await _answer(reader))
            writer.close()

        clients: list[Awaitable[None]] = [client() for _ in range(CLIENTS)]
        await asyncio.gather(*clients)
        return answers

    def create(self) -> bytes:
        """POST Patient."""
        return self._post("/Patient", _patient(f"{self.tag}-{next(self.numbers)}"))

    def read(self) -> bytes:
        """GET Patient/id."""
        return self._get(f"/Patient/{self.ids[next(self.numbers) * 7919 % SEEDED]}")

    def search(self) -> bytes:
        """GET Patient?identifier=system|value."""
        number = next(self.numbers) * 7919 % SEEDED
        return self._get(f"/Patient?identifier={MRN}%7CM-seed-{number}")

    def transaction(self) -> bytes:
        """POST a transaction of one patient and 49 observations."""
        urn = "urn:uuid:00000000-0000-4000-8000-000000000000"
        first = _entry(_patient(f"{self.tag}-{next(self.numbers)}")) | {"fullUrl": urn}
        return self._post("", _bundle([first, *(_entry(_observation(urn, n)) for n in range(49))]))

    def _get(self, path: str) -> bytes:
        return f"GET /fhir{path} HTTP/1.1\r\n{self._headers()}\r\n".encode()

    def _post(self, path: str, body: Json) -> bytes:
        data = json.dumps(body).encode()
        more = f"Content-Type: application/fhir+json\r\nContent-Length: {len(data)}\r\n"
        return f"POST /fhir{path} HTTP/1.1\r\n{self._headers()}{more}\r\n".encode() + data

    def _headers(self) -> str:
        return f"Host: 127.0.0.1\r\nAuthorization: Bearer {self.service.token}\r\n"


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    body = await reader.readexactly(length)
    if not head.startswith(b"HTTP/1.1 2"):
        raise RuntimeError(f"{head[:40]!r} {body[:300]!r}")
    return body


@contextmanager
def _service() -> Iterator[Service]:
    with tempfile.TemporaryDirectory() as folder:
        postgres = Postgres(durable=True)
        web: subprocess.Popen[bytes] | None = None
        try:
            postgres.start()
            postgres.create_database("bench")
            environment = os.environ | {
                "DATABASE_URL": postgres.url("bench"),
                **{"REDIS_URL": "", "DEBUG": "0", "DATA_DIR": folder, "LOG_LEVEL": "WARNING"},
                **{"SECRET_KEY": "bench-only-" * 4, "DJANGO_SETTINGS_MODULE": "config.settings"},
            }
            _python(environment, "manage.py", "migrate", "--verbosity", "0")
            token = _python(environment, "-c", TOKEN).strip()
            port = free_port()
            command = ("-m", "uvicorn", "config.asgi:application", "--log-level", "warning")
            options = ("--host", "127.0.0.1", "--port", str(port), "--lifespan", "off")
            web = subprocess.Popen([sys.executable, *command, *options], cwd=ROOT, env=environment)
            _wait(port, web)
            running = (postgres.home / "data" / "postmaster.pid").read_text()
            yield Service(port, token, web.pid, int(running.split()[0]))
        finally:
            if web:
                web.terminate()
                web.wait(20)
            postgres.close()


def _python(environment: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, "-W", "ignore", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True
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


def _cpu(pid: int, *, waited: bool = False) -> float:
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


def _bundle(entries: list[Json]) -> Json:
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def _entry(resource: Json) -> Json:
    return {"resource": resource, "request": {"method": "POST", "url": resource["resourceType"]}}


def _patient(tag: str) -> Json:
    return {
        "resourceType": "Patient",
        "identifier": [
            {"system": "urn:oid:2.16.840.1.113883.4.1", "value": tag},
            {"use": "usual", "system": MRN, "value": f"M-{tag}"},
        ],
        "active": True,
        "name": [{"use": "official", "family": f"Fam{tag}", "given": ["Anna", "Maria"]}],
        "telecom": [
            {"system": "phone", "value": f"+86-{tag}", "use": "mobile"},
            {"system": "email", "value": f"{tag}@example.org"},
        ],
        "gender": "female",
        "birthDate": "1974-12-25",
        "address": [{"use": "home", "line": ["1 Road"], "city": "Shanghai", "country": "CN"}],
        "communication": [
            {
                "language": {"coding": [{"system": "urn:ietf:bcp:47", "code": "zh"}]},
                "preferred": True,
            }
        ],
    }


def _observation(subject: str, number: int) -> Json:
    category = "http://terminology.hl7.org/CodeSystem/observation-category"
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [{"system": category, "code": "vital-signs"}]}],
        "code": {
            "coding": [{"system": "http://loinc.org", "code": "8867-4"}],
            "text": "Heart rate",
        },
        "subject": {"reference": subject},
        "effectiveDateTime": f"2024-05-{number % 28 + 1:02d}T10:00:00Z",
        "issued": "2024-05-02T10:05:00.000Z",
        "valueQuantity": {
            "value": 60 + number,
            "unit": "beats/minute",
            "system": "http://unitsofmeasure.org",
            "code": "/min",
        },
    }
