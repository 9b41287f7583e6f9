"""Entry by one click, in the demo only: for the people whom the seeding wrote down, nobody else.

The list is the file ``credentials.json`` of the demo's data folder. An installation that was never
seeded has no such file, so setting DEMO=1 by mistake opens no account of real staff.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings

PATIENTS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Person:
    """A member of staff or a patient of the demo."""

    name: str
    title: str = ""
    institution: str = ""
    username: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class People:
    """Whom the sign-in page offers."""

    staff: list[Person] = field(default_factory=list)
    patients: list[Person] = field(default_factory=list)


def credentials_path() -> Path:
    """Where the seeding writes who was seeded."""
    return Path(settings.DATA_DIR) / "credentials.json"


def people() -> People:
    """Everybody who can be entered as; empty outside the demo."""
    written = _written()
    staff = [
        Person(entry["name"], entry.get("title", ""), entry["institution"], entry["username"])
        for entry in written.get("staff", ())
    ]
    patients = [
        Person(entry["name"], link=entry["visit_links"][0])
        for entry in written.get("patients", ())
        if entry["visit_links"]
    ]
    return People(staff, patients[:PATIENTS_SHOWN])


def _written() -> dict[str, Any]:
    if not settings.DEMO:
        return {}
    try:
        found: dict[str, Any] = json.loads(credentials_path().read_text())
    except FileNotFoundError:
        return {}
    return found
