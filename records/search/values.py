"""How values become bytes that sort: one function per search type (FHIR R4, search.html).

Stored and asked-for values go through the same functions, so they cannot drift apart.
"""

import math
import re
import struct
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings

LONGEST = 500
LONGEST_TEXT = 800
"""Bytes of a value, and of a text, that are compared: PostgreSQL's index takes 2,700 a row."""
EPOCH = datetime(1, 1, 1, tzinfo=UTC)
MICROSECONDS_TO_1970 = 62_135_596_800_000_000
FOREVER = b"\xff" * 8
DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?)?)?)?(Z|[+-]\d\d:\d\d)?"
)
REFERENCE = re.compile(r"([A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64})(?:/_history/[^/]+)?")
Rows = Iterator[tuple[str, bytes]]


def cut(text: str, longest: int = LONGEST) -> bytes:
    """At most ``longest`` bytes of ``text``: index entries have a limit."""
    return text.encode("utf-8", "replace")[:longest]


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
    return folded(text) + b"\0" + cut(text, LONGEST_TEXT)


def folded(text: str) -> bytes:
    """What a plain search of a text compares."""
    return cut(fold(text), LONGEST_TEXT)


def number(value: float) -> bytes:
    """Eight bytes in the order of the numbers (IEEE 754, sign folded)."""
    bits: int = struct.unpack(">Q", struct.pack(">d", value + 0.0))[0]
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


def own(text: str) -> bool:
    """True for a reference to a resource of this service: ``Type/id``."""
    return REFERENCE.fullmatch(text.removeprefix(own_base())) is not None


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
    """Rows of a ``token`` parameter; what people read under ``:text``."""
    if datatype == "CodeableConcept":
        for coding in value.get("coding", ()):
            yield from token_rows(coding, "Coding")
        yield from _text(value.get("text"))
    elif datatype == "Coding":
        if "code" in value or "system" in value:
            yield "", token(value.get("system", ""), value.get("code", ""))
        yield from _text(value.get("display"))
    elif datatype == "Identifier":
        yield from _identifier(value)
    elif datatype == "ContactPoint":
        if "value" in value:
            yield "", token("", value["value"])
    elif isinstance(value, bool):
        yield "", token("", "true" if value else "false")
    elif isinstance(value, str):
        yield "", token("", value)


def _text(text: Any) -> Rows:
    if isinstance(text, str):
        yield ":text", text_row(text)


def _identifier(value: Any) -> Rows:
    type_ = value.get("type", {})
    yield from _text(type_.get("text"))
    if "value" in value:
        yield "", token(value.get("system", ""), value["value"])
        for coding in type_.get("coding", ()):
            yield (
                ":of-type",
                of_type(coding.get("system", ""), coding.get("code", ""), value["value"]),
            )


def of_type(system: str, code: str, text: str) -> bytes:
    """An identifier with the type that it is of."""
    return cut(f"{text}|{code}|{system}")


def reference_rows(value: Any, datatype: str) -> Rows:
    """Rows of a ``reference`` parameter; logical ones under ``:identifier``."""
    if isinstance(value, str):
        yield "", cut(value)
    elif datatype == "Resource":  # the first of a Bundle, as if it were referred to
        if "id" in value:
            yield "", cut(f"{value['resourceType']}/{value['id']}")
    elif isinstance(value, dict):
        if target := reference(value.get("reference", "")):
            yield "", cut(target)
        if "identifier" in value:
            yield from (
                (":identifier", row)
                for variant, row in token_rows(value["identifier"], "Identifier")
                if not variant
            )


def date_rows(value: Any, datatype: str) -> Rows:
    """Rows of a ``date`` parameter: start and end together, and the end alone."""
    if datatype == "Period":
        first, last = span(value.get("start", "")), span(value.get("end", ""))
        yield from _date(first[0] if first else b"\0" * 8, last[1] if last else FOREVER)
    elif datatype == "Timing":
        yield from _timing(value)
    elif isinstance(value, str) and (both := span(value)):
        yield from _date(*both)


def _timing(value: Any) -> Rows:
    """The outer limits of a schedule: what repeats between them does not count."""
    spans = [both for event in value.get("event", ()) if (both := span(event))]
    period = value.get("repeat", {}).get("boundsPeriod", {})
    for name, open_end in (("start", b"\0" * 8), ("end", FOREVER)):
        if period:
            spans.append(span(period.get(name, "")) or (open_end, open_end))
    if spans:
        yield from _date(min(first for first, _ in spans), max(last for _, last in spans))


def _date(start: bytes, end: bytes) -> Rows:
    yield "", start + end
    yield ":end", end


def unit_of(system: str, code: str, unit: str) -> bytes:
    """What follows the number of a quantity: a search by code or by unit finds either."""
    return cut(f"{code or unit}|{system}|{unit}")


def quantity_rows(value: Any, datatype: str) -> Rows:
    """Rows of a ``quantity`` parameter: least and greatest value, then the unit."""
    if datatype == "Range":
        low, high = value.get("low", {}), value.get("high", {})
        ends = low.get("value"), high.get("value")
        yield from _range(ends[0], ends[1], _unit(low or high))
    elif datatype == "SampledData":
        yield from _sampled(value)
    elif "value" in value:
        amount, sign = value["value"], value.get("comparator", "")
        unit = _unit(value)
        if datatype == "Money":
            currency = value.get("currency", "")
            unit = unit_of("urn:iso:std:iso:4217", currency, currency)
        yield from _range(*_compared(float(amount), sign), unit)


def _unit(value: Any) -> bytes:
    return unit_of(value.get("system", ""), value.get("code", ""), value.get("unit", ""))


def _compared(amount: float, comparator: str) -> tuple[float | None, float | None]:
    """What ``< 5`` may be: everything below."""
    return {
        "": (amount, amount),
        "<": (None, math.nextafter(amount, -math.inf)),
        "<=": (None, amount),
        ">": (math.nextafter(amount, math.inf), None),
        ">=": (amount, None),
    }[comparator]


def _sampled(value: Any) -> Rows:
    origin = value["origin"]
    if "value" not in origin:
        return
    factor = float(value.get("factor", 1))
    points = [float(word) for word in value.get("data", "").split() if word not in "EUL"]
    if points:
        ends = sorted(float(origin["value"]) + factor * p for p in (min(points), max(points)))
        yield from _range(ends[0], ends[1], _unit(origin))


def _range(low: Any, high: Any, unit: bytes) -> Rows:
    first = number(-math.inf if low is None else float(low))
    last = number(math.inf if high is None else float(high))
    yield "", first + last + unit
    if first != last:
        yield ":end", last + first + unit


def number_rows(value: Any, datatype: str) -> Rows:
    """Rows of a ``number`` parameter."""
    if datatype == "Range":
        ends = value.get("low", {}).get("value"), value.get("high", {}).get("value")
        yield from _range(*ends, b"")
    else:
        yield from _range(value, value, b"")


def uri_rows(value: Any, datatype: str) -> Rows:
    """Rows of a ``uri`` parameter."""
    yield "", cut(value)


def position_rows(value: Any, datatype: str) -> Rows:
    """Rows of ``near``: latitude, then longitude."""
    yield "", number(float(value["latitude"])) + number(float(value["longitude"]))


def joined(types: list[str], rows: Sequence[bytes]) -> bytes:
    """Rows of a composite's parts in one: a number has 16 bytes, a text ends with a zero."""
    head = b"".join(
        row if type_ == "number" else row + b"\0" for type_, row in zip(types, rows, strict=True)
    )
    return head if types[-1] == "number" else head[:-1]


ROWS: dict[str, Callable[[Any, str], Rows]] = {
    "string": string_rows,
    "token": token_rows,
    "reference": reference_rows,
    "date": date_rows,
    "quantity": quantity_rows,
    "number": number_rows,
    "uri": uri_rows,
    "special": position_rows,
}
