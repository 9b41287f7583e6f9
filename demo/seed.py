"""Seeds the demo: once, whole or not at all; a later day gets its own schedule."""

import json
import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.demo import credentials_path
from accounts.models import Institution, PatientAccount
from consult.models import Visit
from demo.histories import CHC, seed_history
from demo.partner import seed_partner
from demo.people import seed_people
from demo.places import seed_places
from demo.residents import REHEARSAL, Resident
from demo.schedule import book_day, book_rehearsal, doctor
from kernel.clock import now

Json = dict[str, Any]


def seed(everybody: list[Resident]) -> bool:
    """Seed an empty database; on a seeded one only book a day that has no visits yet.

    Returns whether it was empty. Secrets are drawn afresh and written to ``credentials.json`` in
    DATA_DIR, readable by its owner only.
    """
    if Institution.objects.filter(public_id=CHC).exists():
        _book_another_day(everybody)
        return False
    with transaction.atomic():
        written = _seed_all(everybody)
    write_privately(credentials_path(), written)
    return True


def _seed_all(everybody: list[Resident]) -> Json:
    today = timezone.localtime()
    places = seed_places()
    staff = seed_people(places)
    for resident in everybody:
        seed_history(resident, today=today)
        PatientAccount.objects.create(
            fhir_id=resident.id,
            name=resident.name,
            phone=resident.phone,
            institution=places[CHC],
        )
    partner = seed_partner()
    return {
        "base": settings.PUBLIC_URL,
        "staff": staff,
        "patients": _patients(everybody, _book(everybody)),
        "partners": [partner],
    }


def _book_another_day(everybody: list[Resident]) -> None:
    by = doctor()
    if Visit.objects.of_doctor(by.reference, by.institution).on_day_of(now()).exists():
        return
    with transaction.atomic():
        links = _book(everybody)
    written = json.loads(credentials_path().read_text(encoding="utf-8"))
    written["patients"] = _patients(everybody, links)
    write_privately(credentials_path(), written)


def _book(everybody: list[Resident]) -> dict[str, str]:
    return book_day(everybody, moment=timezone.localtime()) | rehearse(everybody)


def rehearse(everybody: list[Resident]) -> dict[str, str]:
    """Book the next rehearsal and tell the rehearsal patient; return its link by reference."""
    patient = next(r.reference for r in everybody if r.name == REHEARSAL)
    link = book_rehearsal(patient)
    path = Path(settings.DATA_DIR) / "rehearsal.json"
    transaction.on_commit(lambda: write_privately(path, {"link": link}))
    return {patient: link}


def _patients(everybody: list[Resident], links: dict[str, str]) -> list[Json]:
    """Patients of the credentials, those with a visit first and in its order."""
    order = list(links)
    visiting = sorted(
        everybody, key=lambda r: order.index(r.reference) if r.reference in links else len(order)
    )
    return [
        {
            "name": resident.name,
            "phone": resident.phone,
            "fhir": resident.reference,
            "visit_links": [links[resident.reference]] if resident.reference in links else [],
        }
        for resident in visiting
    ]


def write_privately(path: Path, content: Json) -> None:
    """Write JSON that only its owner can read, whole or not at all."""
    draft = path.with_suffix(".draft")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(content, file, ensure_ascii=False, indent=1)
    draft.replace(path)
