"""Who patients are, as their FHIR Patients say."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from consult.pages import Badge, PatientBanner, Sex
from kernel.clock import today
from kernel.principal import Principal
from records import store

ID_CARD = "urn:oid:2.16.156.10011.1.3"


@dataclass(frozen=True, slots=True)
class Person:
    """What lists show of a patient."""

    name: str
    sex: Sex
    birth_date: date | None
    id_tail: str = ""

    @property
    def age(self) -> int | None:
        """Whole years."""
        if self.birth_date is None:
            return None
        day = today()
        had_birthday = (day.month, day.day) >= (self.birth_date.month, self.birth_date.day)
        return day.year - self.birth_date.year - (not had_birthday)

    def banner(
        self,
        *,
        allergies: list[str] | None,
        identity: Badge | None = None,
        facts: tuple[tuple[str, str], ...] = (),
    ) -> PatientBanner:
        """The head of a page about this patient."""
        return PatientBanner(
            name=self.name,
            sex=self.sex,
            birth_date=self.birth_date,
            age=self.age,
            id_tail=self.id_tail,
            allergies=allergies,
            identity=identity,
            facts=facts,
        )


UNKNOWN = Person("", "unknown", None)


def people(references: Iterable[str], *, by: Principal) -> dict[str, Person]:
    """The patients behind ``Patient/…`` references as far as ``by`` may see them; one query."""
    found = store.read_many(sorted(set(references)), by=by)
    return {reference: person(stored.body) for reference, stored in found.items()}


def person(patient: Mapping[str, Any]) -> Person:
    """A FHIR Patient in short."""
    return Person(
        name=_name(patient.get("name", [])),
        sex=patient.get("gender", "unknown"),
        birth_date=_date(patient.get("birthDate", "")),
        id_tail=_id_tail(patient.get("identifier", [])),
    )


def _name(names: list[dict[str, Any]]) -> str:
    for name in names:
        if name.get("text"):
            return str(name["text"])
        if name.get("family"):
            return str(name["family"]) + "".join(name.get("given", []))
    return ""


def _date(text: str) -> date | None:
    # FHIR allows a year or a month alone; an age cannot be said of those.
    return date.fromisoformat(text) if len(text) == 10 else None


def _id_tail(identifiers: list[dict[str, Any]]) -> str:
    cards = [item["value"] for item in identifiers if item.get("system") == ID_CARD]
    return str(cards[0])[-4:] if cards else ""
