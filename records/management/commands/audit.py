"""``manage.py audit verify``: is the trail of accesses what was written?"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from records.audit import verifying


class Command(BaseCommand):
    """Computes every hash again; status 1 and the first broken row of each chain when not."""

    help = "Check the hash chains of the audit trail."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One word: what to do."""
        parser.add_argument("what", choices=["verify"])

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises SystemExit(1) when a chain is broken."""
        verdict = verifying.verify()
        for fault in verdict.faults:
            self.stderr.write(f"chain {fault.chain}, row {fault.number}: {fault.says}")
        if verdict.faults:
            raise SystemExit(1)
        self.stdout.write(f"{verdict.rows} rows in {verdict.chains} chains, all as written")
