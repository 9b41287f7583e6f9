"""Resident memory of the web process while Bundles come in."""

import asyncio
import bz2
import time
from collections.abc import Iterator
from pathlib import Path

from bench.fhir.figures import Json, figure
from bench.fhir.load import Load, answer
from bench.fhir.samples import bundle, encounter, entry, observation, patient
from bench.fhir.service import ROOT, Service, service
from config.embedded import Postgres

LOADING, LARGEST = 250.0, 1500.0  # MB
SYNTHEA = ROOT / ".." / "shared" / "data" / "fhir"
HOSPITALS = ("synthea", "synthea-2021")
ENTRIES = 25_000
QUICK_FILES = 6


def run(postgres: Postgres, *, quick: bool) -> dict[str, Json]:
    """The figures of memory."""
    peaks = []
    for name in HOSPITALS:
        with service(postgres, name) as running:
            peaks.append(_loading(running, SYNTHEA / name, quick))
    found = {"rss_web_mb_while_loading": figure(max(peaks), LOADING, "MB")}
    if not quick:
        with service(postgres, "largest") as running:
            found["rss_web_mb_25000_entries"] = figure(_largest(running), LARGEST, "MB")
    return found


def _loading(running: Service, folder: Path, quick: bool) -> float:
    """A hospital, one Bundle after the other; made ones where Synthea's are not on this machine."""
    load = Load(running)
    running.forget_peak()
    requests = _synthea(load, folder, quick) if folder.exists() else _made(load, quick)
    began, number = time.perf_counter(), 0
    for request in requests:
        asyncio.run(load.each([request], clients=1))
        number += 1
    print(f"  {number} Bundles loaded in {time.perf_counter() - began:.1f} s")
    return running.peak()


def _synthea(load: Load, folder: Path, quick: bool) -> Iterator[bytes]:
    files = sorted(folder.iterdir(), key=_facilities_first)
    for path in files[:QUICK_FILES] if quick else files:
        yield load.post("", _text(path))


def _facilities_first(path: Path) -> tuple[bool, str]:
    """Patients' Bundles refer to hospitals and practitioners by their identifiers."""
    return "Information" not in path.name, path.name


def _text(path: Path) -> bytes:
    raw = path.read_bytes()
    return bz2.decompress(raw) if path.suffix == ".bz2" else raw


def _made(load: Load, quick: bool) -> Iterator[bytes]:
    for number in range(5 if quick else 30):
        yield load.post("", _large(f"{load.tag}-{number}", 500))


def _large(tag: str, entries: int) -> Json:
    """A transaction of patients with 49 observations or encounters each."""
    made = []
    for number in range(entries):
        urn = f"urn:uuid:00000000-0000-4000-8000-{number // 50:012d}"
        if number % 50 == 0:
            made.append(entry(patient(f"{tag}-{number}")) | {"fullUrl": urn})
        elif number % 3:
            made.append(entry(observation(urn, number, components=8)))
        else:
            made.append(entry(encounter(urn, number)))
    return bundle(made)


def _largest(running: Service) -> float:
    """One transaction of 25,000 entries, while another client reads."""
    load = Load(running)
    asyncio.run(load.seed())
    request = load.post("", _large(load.tag, ENTRIES))
    running.forget_peak()
    waits = asyncio.run(_beside(load, request))
    print(
        f"  {ENTRIES} entries, {len(request) / 1e6:.0f} MB; meanwhile {len(waits)} reads, "
        f"median {waits[len(waits) // 2] * 1000:.0f} ms, longest {waits[-1] * 1000:.0f} ms"
    )
    return running.peak()


async def _beside(load: Load, request: bytes) -> list[float]:
    """Send ``request``; how long reads took meanwhile, sorted."""
    waits: list[float] = []
    reader, writer = await asyncio.open_connection("127.0.0.1", load.service.port)
    large = asyncio.ensure_future(load.each([request], clients=1))
    while not large.done():
        began = time.perf_counter()
        writer.write(load.read())
        await answer(reader)
        waits.append(time.perf_counter() - began)
        await asyncio.sleep(0.02)
    writer.close()
    await large
    return sorted(waits)
