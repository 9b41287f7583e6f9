"""FHIR: what requests cost, what memory Bundles take, how searches scale. See ``run``."""

import asyncio

from bench.fhir import memory, scale, yardstick
from bench.fhir.figures import Json, figure
from bench.fhir.load import Load
from bench.fhir.service import Service, database, service

# CPU seconds of all server processes (web, PostgreSQL) for 1,000 requests of eight clients.
GOALS = {
    "create_cpu_s_per_1000": 2.0,
    "read_cpu_s_per_1000": 0.6,
    "search_identifier_cpu_s_per_1000": 0.9,
    "transaction_50_cpu_s_per_1000": 30.0,
}


def run(*, quick: bool) -> dict[str, Json]:
    """Measure; each figure with its goal (lower is better). Linux only: figures come from /proc.

    Quick leaves out the Bundle of 25,000 entries and the million resources.
    """
    with database() as postgres:
        with service(postgres, "bench") as running:
            figures = _requests(running, 1 if quick else 5)
        figures |= memory.run(postgres, quick=quick)
        return figures if quick else figures | scale.run(postgres)


def _requests(running: Service, scale: int) -> dict[str, Json]:
    load = Load(running)
    asyncio.run(load.seed())
    print(f"  yardstick: {yardstick.measure(running):.3f} s CPU")
    values = (
        load.measure(load.create, 800 * scale),
        load.measure(load.read, 1500 * scale),
        load.measure(load.search, 1500 * scale),
        load.measure(load.transaction, 40 * scale),
    )
    print(f"  yardstick: {yardstick.measure(running):.3f} s CPU")
    return {
        name: figure(value, goal, "s")
        for (name, goal), value in zip(GOALS.items(), values, strict=True)
    }
