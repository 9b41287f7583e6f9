"""Values of FHIRPath beyond JSON's: moments of a known precision, and quantities."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

MOMENT = re.compile(
    r"(?:(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d))?)?)?"
    r"(?:T?(?:(?P<hour>\d\d):?(?:(?P<minute>\d\d)(?::(?P<second>\d\d)(?P<part>\.\d+)?)?)?)?"
    r"(?P<zone>Z|[+-]\d\d:\d\d)?)?"
)
UNITS = ("year", "month", "week", "day", "hour", "minute", "second", "millisecond")
UCUM = {"a": "year", "mo": "month", "wk": "week", "d": "day", "h": "hour", "min": "minute"}


@dataclass(frozen=True, slots=True)
class Moment:
    """A date, dateTime or time: ``parts`` from the year (of a time: the hour) down, in UTC where
    there is a zone; seconds with their fraction are one part."""

    parts: tuple[Decimal | int, ...]
    zoned: bool
    clock: bool
    text: str


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with a unit (UCUM code, or a word of the calendar)."""

    value: Decimal
    unit: str


def calendar_unit(word: str) -> str:
    """``days`` -> ``day``; empty for other words."""
    name = word.removesuffix("s")
    return name if name in UNITS else ""


def moment(text: str) -> Moment | None:
    """A moment from FHIR's or FHIRPath's text (``2020-02``, ``T10:30``), None when it is none."""
    clock = text.startswith("T") or text[2:3] == ":"
    found = MOMENT.fullmatch(text.rstrip("T") if not clock else text)
    if found is None or not text:
        return None
    second = Decimal(found["second"] + (found["part"] or "")) if found["second"] else None
    names = ("hour", "minute") if clock else ("year", "month", "day", "hour", "minute")
    numbers = [int(found[name]) for name in names if found[name]]
    parts: tuple[Decimal | int, ...] = (*numbers, *([] if second is None else [second]))
    if not _exists(parts, clock):
        return None
    zone = found["zone"]
    if zone and len(parts) > 4:
        parts = _in_utc(parts, zone)
    return Moment(parts, bool(zone), clock, text)


def _exists(parts: tuple[Decimal | int, ...], clock: bool) -> bool:
    day, hour = (1, 0) if clock else (int(parts[2]) if len(parts) > 2 else 1, 3)
    rest = parts[hour:]
    try:
        if not clock:
            date(int(parts[0]), int(parts[1]) if len(parts) > 1 else 1, day)
    except ValueError:
        return False
    return all(part < most for part, most in zip(rest, (24, 60, 61), strict=False))


def _in_utc(parts: tuple[Decimal | int, ...], zone: str) -> tuple[Decimal | int, ...]:
    if zone == "Z":
        return parts
    hours, minutes = int(zone[1:3]), int(zone[4:])
    away = timedelta(hours=hours, minutes=minutes) * (-1 if zone[0] == "-" else 1)
    year, month, day, hour, minute = (int(part) for part in parts[:5])
    try:
        moved = datetime(year, month, day, hour, minute, tzinfo=UTC) - away
    except OverflowError:
        return parts
    return (moved.year, moved.month, moved.day, moved.hour, moved.minute, *parts[5:])


def order(one: Moment, other: Moment) -> int | None:
    """-1, 0 or 1; None when the precision of one leaves it open."""
    if one.clock != other.clock:
        return None
    for mine, theirs in zip(one.parts, other.parts, strict=False):
        if mine != theirs:
            return -1 if mine < theirs else 1
    timed = len(one.parts) > 3 and not one.clock
    if len(one.parts) != len(other.parts) or (timed and one.zoned != other.zoned):
        return None
    return 0


def quantity(node: Any) -> Quantity | None:
    """The quantity of a FHIR Quantity in JSON, None when it has no value."""
    value = number(node.get("value")) if isinstance(node, dict) else None
    if value is None:
        return None
    unit = str(node.get("code") or node.get("unit") or "")
    return Quantity(value, UCUM.get(unit, unit))


def number(value: Any) -> Decimal | None:
    """An exact number from JSON's, None when it is none."""
    if isinstance(value, Decimal):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        return None
    return found if found.is_finite() else None
