"""Small pieces of FHIR JSON for the ``fhir.py`` of other apps. Pure; empty parts are left out."""

from datetime import UTC, date, datetime
from typing import Any

Json = dict[str, Any]


def _full(**parts: Any) -> Json:
    return {name: part for name, part in parts.items() if part not in (None, "", [], {})}


def reference(kind: str, id: str, display: str | None = None) -> Json:  # noqa: A002
    """A literal Reference: ``{"reference": "Patient/1", "display": ...}``."""
    return _full(reference=f"{kind}/{id}", display=display)


def coding(system: str, code: str, display: str | None = None) -> Json:
    """A Coding."""
    return _full(system=system, code=code, display=display)


def codeable(
    system: str, code: str, display: str | None = None, *, text: str | None = None
) -> Json:
    """A CodeableConcept with one coding; ``text`` as people said it."""
    return _full(coding=[coding(system, code, display)], text=text)


def identifier(
    system: str,
    value: str,
    *,
    use: str | None = None,
    type: Json | None = None,  # noqa: A002
) -> Json:
    """An Identifier."""
    return _full(use=use, type=type, system=system, value=value)


def period(start: datetime | date | None, end: datetime | date | None = None) -> Json:
    """A Period."""
    return _full(start=start and moment(start), end=end and moment(end))


def moment(when: datetime | date) -> str:
    """A FHIR dateTime (with zone, UTC) or date. Raises ValueError for a naive datetime."""
    if not isinstance(when, datetime):
        return when.isoformat()
    if when.tzinfo is None:
        raise ValueError("a FHIR dateTime needs a zone")
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def human_name(text: str, *, family: str | None = None, given: str | None = None) -> Json:
    """A HumanName; Chinese names keep their written order in ``text``."""
    return _full(text=text, family=family, given=[given] if given else None)


def telecom(system: str, value: str, *, use: str | None = None) -> Json:
    """A ContactPoint."""
    return _full(system=system, value=value, use=use)


def quantity(value: float | int, unit: str, code: str | None = None) -> Json:
    """A Quantity in UCUM units; ``code`` where it differs from ``unit``."""
    return _full(unit=unit, system="http://unitsofmeasure.org", code=code or unit) | {
        "value": value
    }


def money(fen: int, currency: str = "CNY") -> Json:
    """Money from whole fen."""
    return {"value": fen / 100, "currency": currency}


def annotation(text: str, *, author: str | None = None, at: datetime | None = None) -> Json:
    """An Annotation; ``author`` is a literal reference."""
    who = {"reference": author} if author else None
    return _full(authorReference=who, time=at and moment(at), text=text)
