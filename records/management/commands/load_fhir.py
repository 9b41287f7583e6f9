"""Loads FHIR Bundles and resources from files, as the service itself."""

import bz2
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from kernel.errors import HouseError
from kernel.ids import new_id
from kernel.principal import SYSTEM
from records import bundles, jsontext
from records.bundles import Door
from records.writing import Write, commit


def load(path: Path, *, institution: str = "") -> dict[str, int]:
    """Load one ``.json`` or ``.json.bz2`` file; return how many entries got which HTTP status.

    Batch and transaction Bundles are carried out, other resources are written under their own id.
    What is loaded is kept by ``institution``. Raises the errors of the house.
    """
    raw = path.read_bytes()
    body = jsontext.load_object(bz2.decompress(raw) if path.suffix == ".bz2" else raw)
    if body.get("resourceType") == "Bundle" and body.get("type") in ("batch", "transaction"):
        answer = bundles.carry_out(body, Door(SYSTEM, institution=institution))
        statuses = [entry["response"]["status"][:3] for entry in answer.get("entry", [])]
        return {status: statuses.count(status) for status in sorted(set(statuses))}
    kind, id_ = str(body.get("resourceType")), str(body.get("id") or new_id())
    [write] = commit([Write("PUT", kind, id_, body, institution=institution)], by=SYSTEM)
    return {"201" if write.created else "200": 1}


class Command(BaseCommand):
    """``manage.py load_fhir [--institution ID] FILE...``"""

    help = "Load FHIR Bundles or resources (.json, .json.bz2)"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Files and who keeps what they hold."""
        parser.add_argument("files", nargs="+", type=Path)
        parser.add_argument("--institution", default="", help="Organization id of who keeps it")

    def handle(self, *args: Any, **options: Any) -> None:
        """Load each file, or stop at the first that is refused."""
        for path in options["files"]:
            began = time.perf_counter()
            try:
                counts = load(path, institution=options["institution"])
            except (OSError, HouseError) as error:
                raise CommandError(f"{path.name}: {error}") from error
            said = ", ".join(f"{number} x {status}" for status, number in counts.items())
            self.stdout.write(f"{path.name}: {said} ({time.perf_counter() - began:.2f} s)")
