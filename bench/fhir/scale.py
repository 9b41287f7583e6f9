"""How searches scale: the same five on 30,000 and on 1,000,000 resources, in turns."""

import asyncio
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field

import psycopg

from bench.fhir.figures import Json, figure
from bench.fhir.load import Load, answer
from bench.fhir.samples import CODES, MRN, family
from bench.fhir.service import ROOT, Service, service
from config.embedded import Postgres

MOST = 1.5  # times the latency
SMALL, LARGE = 60, 2000  # patients, 500 resources each
PROCESSES = 2
ROUNDS, REQUESTS = 8, 25
FILL = "import django; django.setup(); from bench.fhir.fill import fill; fill({}, {})"
SEARCHES = {
    "identifier": "/Patient?identifier={mrn}%7CM-fill-{number}",
    "patient_page": "/Observation?patient=Patient/p{number}&_sort=-date&_count=20",
    "newest_by_code": "/Observation?patient=p{number}&code={code}&_sort=-date&_count=1",
    "two_criteria": "/Observation?patient=p{number}&category=vital-signs&_count=20",
    "chained_name": "/Observation?patient.name={family}&_count=20",
}


@dataclass
class Filled:
    """A service, how many patients it holds, and the latencies seen."""

    running: Service
    patients: int
    waits: dict[str, list[float]] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)


def run(postgres: Postgres) -> dict[str, Json]:
    """The ratios of the median latencies."""
    with service(postgres, "small") as small, service(postgres, "large") as large:
        both = (Filled(small, SMALL), Filled(large, LARGE))
        for filled in both:
            _fill(filled)
        for _ in range(ROUNDS):
            for filled in both:
                _time(filled)
        return {f"latency_1m_to_30k_{name}": _ratio(name, *both) for name in SEARCHES}


def _fill(filled: Filled) -> None:
    began = time.perf_counter()
    step = -(-filled.patients // PROCESSES)
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", FILL.format(begin, begin + step)],
            cwd=ROOT,
            env=filled.running.environment,
        )
        for begin in range(0, filled.patients, step)
    ]
    ended = [writer.wait() for writer in writers]
    if any(ended):
        raise RuntimeError("the database could not be filled")
    with psycopg.connect(filled.running.environment["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    print(f"  {filled.patients * 500} resources in {time.perf_counter() - began:.0f} s")


def _time(filled: Filled) -> None:
    load = Load(filled.running)
    for name, path in SEARCHES.items():
        before = filled.running.cpu()
        found = asyncio.run(_latencies(load, path, filled.patients))
        used = filled.running.cpu() - before
        filled.waits.setdefault(name, []).extend(found)
        filled.cpu[name] = filled.cpu.get(name, 0.0) + used


async def _latencies(load: Load, path: str, patients: int) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", load.service.port)
    waits = []
    for _ in range(REQUESTS):
        number = next(load.numbers) * 7919 % patients
        code = CODES[1 + number % 9]
        request = load.get(path.format(number=number, mrn=MRN, code=code, family=family(number)))
        began = time.perf_counter()
        writer.write(request)
        found = await answer(reader)
        waits.append(time.perf_counter() - began)
        if b'"entry"' not in found:
            raise RuntimeError(f"nothing was found by {path}")
    writer.close()
    return waits


def _ratio(name: str, small: Filled, large: Filled) -> Json:
    few, many = (statistics.median(filled.waits[name]) for filled in (small, large))
    cpu = [1000 * filled.cpu[name] / len(filled.waits[name]) for filled in (small, large)]
    print(
        f"  {name:<16}{few * 1000:7.2f} ms -> {many * 1000:.2f} ms, "
        f"CPU for 1,000: {cpu[0]:.2f} s -> {cpu[1]:.2f} s"
    )
    return figure(many / few, MOST, "times")
