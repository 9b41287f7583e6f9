"""How values become bytes that sort: one function per search type (FHIR R4, search.html).

Stored and asked-for values go through the same functions, so they cannot drift apart.
"""

import re
import struct
import unicodedata
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings

LONGEST = 200
EPOCH = datetime(1, 1, 1, tzinfo=UTC)
MICROSECONDS_TO_1970 = 62_135_596_800_000_000
FOREVER = b"\xff" * 8
DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?)?)?)?(Z|[+-]\d\d:\d\d)?"
)
REFERENCE = re.compile(r"([A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64})(?:/_history/[^/]+)?")
Rows = Iterator[tuple[str, bytes]]


def cut(text: str) -> bytes:
    """At most ``LONGEST`` bytes of ``text``: index entries have a limit."""
    return text.encode("utf-8", "replace")[:LONGEST]


def fold(text: str) -> str:
    """Text without case, accents and repeated space, as ``string`` parameters compare it."""
    plain = unicodedata.normalize("NFKD", text)
    bare = plain if plain.isascii() else "".join(c for c in plain if not unicodedata.combining(c))
    return " ".join(bare.casefold().split())


def token(system: str, code: str) -> bytes:
    """``code|system``: the code first, so that a code of any system is a prefix."""
    return cut(f"{code}|{system}")


def text_row(text: str) -> bytes:
    """Folded, then exact: one row answers both plain and ``:exact`` searches."""
    return cut(fold(text)) + b"\0" + cut(text)


def number(value: float) -> bytes:
    """Eight bytes in the order of the numbers (IEEE 754, sign folded)."""
    bits: int = struct.unpack(">Q", struct.pack(">d", value))[0]
    return struct.pack(">Q", bits ^ (0xFFFFFFFFFFFFFFFF if bits >> 63 else 1 << 63))


def instant(moment: datetime) -> bytes:
    """Eight bytes: microseconds since the year 1."""
    return struct.pack(">Q", (moment - EPOCH) // timedelta(microseconds=1))


def span(text: str) -> tuple[bytes, bytes] | None:
    """First instant, and the first one after, of a date of any precision; None when it is none."""
    found = DATE.fullmatch(text)
    if found is None:
        return None
    try:
        return _span(found)
    except (ValueError, OverflowError):
        return None


def _span(found: re.Match[str]) -> tuple[bytes, bytes]:
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    offset = timedelta()
    if zone and zone != "Z":
        sign = -1 if zone[0] == "-" else 1
        offset = sign * timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6]))
    whole = min(int(second or 0), 59)  # a leap second belongs to the minute before
    first = datetime(
        int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), whole,
        int((fraction or "0").ljust(6, "0")[:6]), tzinfo=UTC,
    )  # fmt: skip
    start = (first - offset - EPOCH) // timedelta(microseconds=1)
    end = start + _length(first, month, day, hour, second, fraction)
    return struct.pack(">Q", max(start, 0)), struct.pack(">Q", end)


def _length(first: datetime, *parts: str | None) -> int:
    """Microseconds that a date of this precision covers."""
    month, day, hour, second, fraction = parts
    if fraction:
        return int(10 ** max(0, 6 - len(fraction)))
    if second or hour:
        return 1_000_000 if second else 60_000_000
    if day:
        return 86_400_000_000
    if month:
        after = first.replace(day=28) + timedelta(days=4)
        return (after.replace(day=1) - first) // timedelta(microseconds=1)
    return (366 if first.year % 4 == 0 and (first.year % 100 or first.year % 400 == 0) else 365) * (
        86_400_000_000
    )


def milliseconds_of(text: str) -> tuple[int, int] | None:
    """``span`` in the unit of the tables, rounded up; None for what is no date."""
    both = span(text)
    if both is None:
        return None
    first, last = (-(-(int.from_bytes(b) - MICROSECONDS_TO_1970) // 1000) for b in both)
    return first, last


def own_base() -> str:
    """What begins absolute references to resources of this service."""
    return f"{settings.PUBLIC_URL}/fhir/"


def reference(text: str) -> str | None:
    """``Type/id`` of a reference to this service; other addresses as they are; None for ``#id``."""
    if not text or text[0] == "#":
        return None
    found = REFERENCE.fullmatch(text.removeprefix(own_base()))
    return found[1] if found else text


def string_rows(value: Any, datatype: str) -> Rows:
    """Rows of a ``string`` parameter."""
    if datatype == "HumanName":
        parts = [value.get("text"), value.get("family")]
        parts += [*value.get("given", ()), *value.get("prefix", ()), *value.get("suffix", ())]
    elif datatype == "Address":
        parts = [value.get(key) for key in ("text", "city", "district", "state", "postalCode")]
        parts += [value.get("country"), *value.get("line", ())]
    else:
        parts = [value]
    for part in parts:
        if isinstance(part, str):
            yield "", text_row(part)


def token_rows(value: Any, datatype: str) -> Rows:
    """Rows of a ``token`` parameter."""
    if datatype == "CodeableConcept":
        for coding in value.get("coding", ()):
            yield from token_rows(coding, "Coding")
    elif datatype == "Coding":
        yield "", token(value.get("system", ""), value.get("code", ""))
    elif datatype in ("Identifier", "ContactPoint"):
        if "value" in value:
            system = value.get("system", "") if datatype == "Identifier" else ""
            yield "", token(system, value["value"])
    elif isinstance(value, bool):
        yield "", token("", "true" if value else "false")
    elif isinstance(value, str):
        yield "", token("", value)


def reference_rows(value: Any, datatype: str) -> Rows:
    """Rows of a ``reference`` parameter; logical ones under ``:identifier``."""
    if isinstance(value, str):
        yield "", cut(value)
        return
    if not isinstance(value, dict):
        return
    if target := reference(value.get("reference", "")):
        yield "", cut(target)
    if "identifier" in value:
        for _, row in token_rows(value["identifier"], "Identifier"):
            yield ":identifier", row


def date_rows(value: Any, datatype: str) -> Rows:
    """Rows of a ``date`` parameter: start and end together, and the end alone."""
    if datatype == "Period":
        first, last = span(value.get("start", "")), span(value.get("end", ""))
        yield from _date(first[0] if first else b"\0" * 8, last[1] if last else FOREVER)
    elif datatype == "Timing":
        for event in value.get("event", ()):
            yield from date_rows(event, "dateTime")
        if period := value.get("repeat", {}).get("boundsPeriod"):
            yield from date_rows(period, "Period")
    elif isinstance(value, str) and (both := span(value)):
        yield from _date(*both)


def _date(start: bytes, end: bytes) -> Rows:
    yield "", start + end
    yield ":end", end


def quantity_rows(value: Any, datatype: str) -> Rows:
    """Rows of a ``quantity`` parameter: the number, then code and system of the unit."""
    if datatype == "Money":
        unit = token("urn:iso:std:iso:4217", value.get("currency", ""))
    elif datatype in ("Range", "SampledData"):
        return
    else:
        unit = token(value.get("system", ""), value.get("code") or value.get("unit", ""))
    if "value" in value:
        yield "", number(float(value["value"])) + unit


def number_rows(value: Any, datatype: str) -> Rows:
    """Rows of a ``number`` parameter."""
    if datatype != "Range":
        yield "", number(float(value))


def uri_rows(value: Any, datatype: str) -> Rows:
    """Rows of a ``uri`` parameter."""
    yield "", cut(value)


ROWS: dict[str, Callable[[Any, str], Rows]] = {
    "string": string_rows,
    "token": token_rows,
    "reference": reference_rows,
    "date": date_rows,
    "quantity": quantity_rows,
    "number": number_rows,
    "uri": uri_rows,
}
