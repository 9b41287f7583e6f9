"""Single values: their JSON type and their format (FHIR R4, datatypes.html).

A check gives None for what is right, else (issue code, sentence); no sentence repeats a value that
might be about a person.
"""

import re
from calendar import monthrange
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from records.validation.narrative import narrative_fault

Fault = tuple[str, str]
Check = Callable[[Any], Fault | None]

LONGEST = 1024 * 1024
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
CODE_LIKE = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,39}")
NOT_A_CODE = "is not a code of the required value set"
WHOLE = {
    "integer": (-(2**31), 2**31 - 1),
    "unsignedInt": (0, 2**31 - 1),
    "positiveInt": (1, 2**31 - 1),
}
TIME = r"(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?"
ZONE = r"(?:Z|[+-](?:(?:0\d|1[0-3]):[0-5]\d|14:00))"
YEAR = r"(?!0000)\d{4}(?:-(?:0[1-9]|1[0-2]))?"
DAY = r"(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
FORMATS = {
    "date": re.compile(f"{YEAR}|{DAY}", re.ASCII),
    "dateTime": re.compile(f"{YEAR}|{DAY}(?:T{TIME}{ZONE})?", re.ASCII),
    "instant": re.compile(f"{DAY}T{TIME}{ZONE}", re.ASCII),
    "time": re.compile(TIME, re.ASCII),
    "code": re.compile(r"\S+(?:\s\S+)*"),
    "id": re.compile(r"[A-Za-z0-9.-]{1,64}"),
    "oid": re.compile(r"urn:oid:[0-2](?:\.(?:0|[1-9]\d*))+", re.ASCII),
    "uuid": re.compile(r"urn:uuid:[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
    "canonical": re.compile(
        r"#\S+|[a-zA-Z][a-zA-Z0-9+.-]*:\S+|[A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64}(?:[|#]\S+)?"
    ),
    # Possessive: a megabyte of spaces before a wrong letter is not tried again from each of them.
    "base64Binary": re.compile(r"[A-Za-z0-9+/\s]*+={0,2}\s*+"),
}
FORMATS["uri"] = FORMATS["url"] = re.compile(r"\S+")
DATED = frozenset({"date", "dateTime", "instant"})
ADDRESSES = frozenset({"uri", "url", "canonical"})


def not_a_code(value: object) -> str:
    """The refusal of an unknown code, by name where it looks like one (and not like a person)."""
    named = isinstance(value, str) and CODE_LIKE.fullmatch(value)
    return f"{value!r} is not a code of the required value set" if named else NOT_A_CODE


def check_of(kind: str, codes: frozenset[str] | None) -> Check:
    """The check of a primitive type, with the codes that it may take."""
    if codes is not None:
        return _coded(codes)
    if kind == "boolean":
        return _boolean
    if kind == "decimal":
        return _decimal
    if kind in WHOLE:
        return _whole(*WHOLE[kind])
    if kind in FORMATS:
        return _formatted(kind)
    return _xhtml if kind == "xhtml" else _string


def _boolean(value: Any) -> Fault | None:
    return None if value.__class__ is bool else _wrong(value, "true or false")


def _decimal(value: Any) -> Fault | None:
    good = isinstance(value, int | Decimal | float) and value.__class__ is not bool
    return None if good else _wrong(value, "a number")


def _whole(least: int, most: int) -> Check:
    def check(value: Any) -> Fault | None:
        if value.__class__ is not int:
            return _wrong(value, "a whole number")
        return None if least <= value <= most else ("value", f"must be {least} to {most}")

    return check


def _wrong(value: Any, wanted: str) -> Fault:
    if value is None:
        return "structure", "must not be null"
    return ("value" if isinstance(value, str | int | Decimal) else "structure"), f"must be {wanted}"


def _string(value: Any) -> Fault | None:
    if value.__class__ is not str:
        return _wrong(value, "a string")
    if value.isprintable():
        if len(value) <= LONGEST and value and not value.isspace():
            return None
    elif CONTROL.search(value):
        return "value", "holds a control character"
    if len(value) > LONGEST:
        return "too-long", "is longer than 1 MB"
    return None if value.strip() else ("value", "must not be empty")


def _coded(codes: frozenset[str]) -> Check:
    def check(value: Any) -> Fault | None:
        if value.__class__ is str and value in codes:
            return None
        return _string(value) or ("code-invalid", not_a_code(value))

    return check


def _formatted(kind: str) -> Check:
    fits = FORMATS[kind].fullmatch
    more: Callable[[re.Match[str]], str] | None = None
    if kind in DATED:
        more = _calendar
    elif kind in ADDRESSES:
        more = _urn
    elif kind == "base64Binary":
        more = _base64
    longest = None if kind == "base64Binary" else LONGEST

    def check(value: Any) -> Fault | None:
        if value.__class__ is not str:
            return _wrong(value, "a string")
        if longest and len(value) > longest:
            return "too-long", "is longer than 1 MB"
        found = fits(value)
        if found is None:
            return "value", f"is not a valid {kind}" if value.strip() else "must not be empty"
        says = more(found) if more else ""
        return ("value", says) if says else None

    return check


def _calendar(found: re.Match[str]) -> str:
    if found[1] is None:
        return ""
    year, month, day = (int(part) for part in found.groups())
    good = year > 0 and (day < 29 or day <= monthrange(year, month)[1])
    return "" if good else "is a day that the calendar has not"


def _urn(found: re.Match[str]) -> str:
    """UUIDs and OIDs are to be written as such; other URNs are free."""
    scheme, _, rest = found[0].partition(":")
    kind = rest.partition(":")[0] if scheme == "urn" else ""
    good = kind not in ("uuid", "oid") or FORMATS[kind].fullmatch(found[0])
    return "" if good else f"is not a valid urn:{kind}"


def _base64(found: re.Match[str]) -> str:
    size = len("".join(found[0].split()))
    return "is not valid base64" if size % 4 else "" if size else "must not be empty"


def _xhtml(value: Any) -> Fault | None:
    if fault := _string(value):
        return fault
    says = narrative_fault(value)
    return ("invariant" if "(txt-" in says else "value", says) if says else None
