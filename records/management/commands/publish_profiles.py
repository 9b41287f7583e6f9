"""Writes the StructureDefinitions of our profiles into the store."""

from typing import Any

from django.core.management.base import BaseCommand

from records.profiles.definitions import publish


class Command(BaseCommand):
    """``manage.py publish_profiles``: after ``migrate``; again whenever the profiles change."""

    help = "Write the StructureDefinitions of the consortium's profiles"

    def handle(self, *args: Any, **options: Any) -> None:
        """Write what is new or changed."""
        self.stdout.write(f"{publish()} definitions written")
