"""``manage.py seed_demo``: people, histories and today's visits for the demo."""

import time
from typing import Any

from django.core.management.base import BaseCommand

from demo.residents import residents
from demo.seed import seed


class Command(BaseCommand):
    """Seeds once; a second run changes nothing but books a day that is still empty."""

    help = "Seed the demo's people, histories and visits."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Seed and say so."""
        began = time.monotonic()
        if seed(residents()):
            self.stdout.write(f"seeded in {time.monotonic() - began:.1f} s")
