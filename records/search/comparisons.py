"""How one asked-for value is compared with ``x.v``, for each type of search (FHIR R4, search.html).

A comparison is one or more alternatives, each on the rows of one variant. ``plain`` says the same
on the rows without variant only: the parts of a composite have no others.
"""

import math
import re
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from django.db import connection

from kernel.clock import now
from records.errors import Malformed
from records.kinds import KINDS
from records.search import values
from records.search.clauses import bare
from records.search.parameters import Parameter

Part = tuple[str, list[Any]]
BAR = re.compile(r"(?<!\\)\|")
PREFIX = re.compile(r"(eq|ne|gt|ge|lt|le|sa|eb|ap)(?=[\d.+-])")
HOLDS = {"postgresql": "position(%s::bytea in {0}) > 0", "sqlite": "instr({0}, %s) > 0"}
ZERO = {"postgresql": "position('\\x00'::bytea in {0})", "sqlite": "instr({0}, x'00')"}
LARGEST_EXPONENT = 400


class Alternative(NamedTuple):
    """A test of ``x.v`` on the rows of one variant."""

    variant: str
    text: str
    given: list[Any]


def compare(parameter: Parameter, modifier: str, value: str) -> list[Alternative]:
    """What an index row must look like. Raises Malformed."""
    if parameter.type == "token" and modifier in ("in", "above", "below"):
        raise Malformed(f"{parameter.name}:{modifier}", "cannot be asked here")
    if modifier in _MODIFIED:
        variant, test = _MODIFIED[modifier]
        return [Alternative(variant, *test(parameter, value))]
    if modifier in KINDS:
        return [Alternative("", *_reference(parameter, value, modifier))]
    fast = _FAST.get(parameter.type)
    if fast is not None:
        return fast(parameter, value)
    return [Alternative("", *plain(parameter, value))]


def plain(parameter: Parameter, value: str) -> Part:
    """The same with no modifier, on the rows without variant. Raises Malformed."""
    return _PLAIN[parameter.type](parameter, value)


def prefix(value: str) -> tuple[str, str]:
    """The comparison and the value of ``ge2024``; ``eq`` when none is said."""
    found = PREFIX.match(value)
    return (found[1], value[2:]) if found else ("eq", value)


def after(begin: bytes) -> bytes:
    """The least bytes after everything that begins so."""
    bare = begin.rstrip(b"\xff")
    return bare[:-1] + bytes([bare[-1] + 1]) if bare else values.FOREVER * 4


def begins(begin: bytes) -> Part:
    """``x.v`` begins so."""
    return "(x.v >= %s AND x.v < %s)", [begin, after(begin)]


def among(tokens: list[bytes]) -> Part:
    """``x.v`` is one of these."""
    if not tokens:
        return "FALSE", []
    return f"x.v IN ({', '.join(['%s'] * len(tokens))})", list(tokens)


def _string(parameter: Parameter, value: str) -> Part:
    return begins(values.folded(bare(value)))


def _exact(parameter: Parameter, value: str) -> Part:
    return "x.v = %s", [values.text_row(bare(value))]


def _contains(parameter: Parameter, value: str) -> Part:
    return HOLDS[connection.vendor].format("x.v"), [values.folded(bare(value))]


def _token(parameter: Parameter, value: str) -> Part:
    system, bar, code = halves(value)
    if parameter.plain_codes or not bar:
        return begins(values.cut(f"{code}|"))
    if not code:
        tail = values.cut(f"|{system}")
        return "substr(x.v, length(x.v) - %s) = %s", [len(tail) - 1, tail]
    return "x.v = %s", [values.token(system, code)]


def codes(parameter: Parameter, wanted: Sequence[str]) -> Part:
    """Any of these ``system|code``; a plain code has no system of its own."""
    split = [one.rpartition("|") for one in wanted]
    plain_ = parameter.plain_codes
    return among([values.token("" if plain_ else system, code) for system, _, code in split])


def halves(value: str) -> tuple[str, str, str]:
    """System, bar and code of ``system|code``; a bar may be escaped."""
    if "\\" not in value:
        return value.rpartition("|")
    *system, code = BAR.split(value)
    return bare("|".join(system)), "|" if system else "", bare(code)


def _of_type(parameter: Parameter, value: str) -> Part:
    parts = [bare(part) for part in BAR.split(value)]
    if len(parts) != 3 or not parts[1] or not parts[2]:
        raise Malformed(f"{parameter.name}:of-type", "must look like system|code|value")
    return "x.v = %s", [values.of_type(*parts)]


def _reference(parameter: Parameter, value: str, kind: str = "") -> Part:
    if "canonical" in parameter.datatypes and (":" in value or "|" in value):
        return _canonical(parameter, value)
    target = values.reference(bare(value)) or ""
    if "/" in target or target.startswith("urn:"):
        held = target.partition("/")[0]
        wrong = parameter.resolved and held in KINDS and held not in parameter.targets
        return among([] if wrong else [values.cut(target)])
    kinds = [kind] if kind else parameter.targets or sorted(KINDS)
    return among([values.cut(f"{one}/{target}") for one in kinds])


def _canonical(parameter: Parameter, value: str) -> Part:
    """Of any version where none is said."""
    if "|" in value:
        return "x.v = %s", [values.cut(bare(value))]
    text, given = begins(values.cut(f"{bare(value)}|"))
    return f"(x.v = %s OR {text})", [values.cut(bare(value)), *given]


def _uri(parameter: Parameter, value: str) -> Part:
    if "canonical" in parameter.datatypes:
        return _canonical(parameter, value)
    return "x.v = %s", [values.cut(bare(value))]


def _below(parameter: Parameter, value: str) -> Part:
    """Addresses under this one; of a canonical with a version, the finer versions."""
    whole = values.cut(value)
    mark = "." if "|" in value else "/"
    text, given = begins(values.cut(value.rstrip(mark) + mark))
    return f"(x.v = %s OR {text})", [whole, *given]


def _above(parameter: Parameter, value: str) -> Part:
    """This address and those that it lies under."""
    bare = value.rstrip("/")
    scheme = bare.find("://") + 3
    ends = [place for place in range(scheme, len(bare)) if bare[place] == "/"]
    found = [bare[:end] for end in ends] if "://" in bare else []
    wanted = [value, bare, *found, *(f"{one}/" for one in found)]
    return among([values.cut(one) for one in dict.fromkeys(wanted)])


def _date_tests(parameter: Parameter, value: str) -> tuple[str, bytes, bytes]:
    sign, moment = prefix(value)
    both = values.span(moment.replace(" ", "+"))  # what a form makes of the plus of a zone
    if both is None:
        raise Malformed(parameter.name, "is not a date")
    if sign != "ap":
        return sign, *both
    # A tenth of the time between then and now, either way.
    present = int.from_bytes(values.instant(now()))
    low, high = (int.from_bytes(end) for end in both)
    by = abs(present - low) // 10
    return sign, max(low - by, 0).to_bytes(8), (high + by).to_bytes(8)


INSIDE = "(x.v >= %s AND x.v < %s AND substr(x.v, 9, 8) <= %s)"
END = "substr(x.v, 9, 8)"


def _date(parameter: Parameter, value: str) -> Part:
    sign, low, high = _date_tests(parameter, value)
    tests: dict[str, Part] = {
        "eq": (INSIDE, [low, high, high]),
        "ne": (f"NOT {INSIDE}", [low, high, high]),
        "ap": (f"(x.v < %s AND {END} > %s)", [high, low]),
        "gt": (f"{END} > %s", [high]),
        "ge": (f"{END} > %s", [low]),
        "lt": ("x.v < %s", [low]),
        "le": ("x.v < %s", [high]),
        "sa": ("x.v >= %s", [high]),
        "eb": (f"{END} <= %s", [low]),
    }
    return tests[sign]


def _date_fast(parameter: Parameter, value: str) -> list[Alternative]:
    sign, low, high = _date_tests(parameter, value)
    ends = {"gt": ("x.v > %s", high), "ge": ("x.v > %s", low), "eb": ("x.v <= %s", low)}
    if sign not in ends:
        return [Alternative("", *_date(parameter, value))]
    text, bound = ends[sign]
    return [Alternative(":end", text, [bound])]


class Asked(NamedTuple):
    """A number asked for: its comparison, itself, and the range that its precision implies."""

    sign: str
    here: bytes
    low: bytes
    high: bytes


def _asked(parameter: Parameter, value: str) -> Asked:
    sign, text = prefix(value)
    try:
        exact = Decimal(text)
        middle = float(exact)
    except (InvalidOperation, OverflowError):
        raise Malformed(parameter.name, "is not a number") from None
    exponent = exact.as_tuple().exponent
    if not math.isfinite(middle) or not isinstance(exponent, int):
        raise Malformed(parameter.name, "is not a number")
    if abs(exponent) > LARGEST_EXPONENT:
        raise Malformed(parameter.name, "is not a number of any quantity")
    # "100" means 99.5 to 100.5, and "1e2" 95 to 105 (search.html, number).
    half = Decimal(5).scaleb(exponent - (2 if exponent > 0 else 1))
    if sign == "ap":
        half = max(half, abs(exact) / 10)
    # A float may be too coarse to tell the ends from the middle, which is always within.
    ends = float(exact - half), max(float(exact + half), math.nextafter(middle, math.inf))
    return Asked(sign, values.number(middle), values.number(ends[0]), values.number(ends[1]))


HIGH = "substr(x.v, 9, 8)"
BEHIND = b"\xff"


def _number(parameter: Parameter, value: str) -> Part:
    return _number_test(_asked(parameter, value))


def _number_test(asked: Asked) -> Part:
    here, low, high = asked.here, asked.low, asked.high
    # Behind the eight bytes of the least value there is more: `here` comes before all of them.
    beyond = here + BEHIND * 9
    inside = f"(x.v >= %s AND x.v < %s AND {HIGH} < %s)"
    tests: dict[str, Part] = {
        "eq": (inside, [low, high, high]),
        "ne": (f"NOT {inside}", [low, high, high]),
        "ap": (f"(x.v < %s AND {HIGH} >= %s)", [high, low]),
        "gt": (f"{HIGH} > %s", [here]),
        "ge": (f"{HIGH} >= %s", [here]),
        "lt": ("x.v < %s", [here]),
        "le": ("x.v < %s", [beyond]),
        "sa": ("x.v >= %s", [beyond]),
        "eb": (f"{HIGH} < %s", [here]),
    }
    return tests[asked.sign]


def _number_alternatives(asked: Asked) -> list[Alternative]:
    """Upward, ranges have rows of their own that begin with their end."""
    bound = {"gt": asked.here + BEHIND * 9, "ge": asked.here}.get(asked.sign)
    if bound is None:
        return [Alternative("", *_number_test(asked))]
    return [Alternative(variant, "x.v >= %s", [bound]) for variant in ("", ":end")]


def _number_fast(parameter: Parameter, value: str) -> list[Alternative]:
    return _number_alternatives(_asked(parameter, value))


def _unit(value: str) -> tuple[str, Part]:
    """The number of ``5.4|system|code``, and the test of its unit."""
    number, bar, unit = value.partition("|")
    if not bar or not unit.strip("|"):
        return number, ("TRUE", [])
    system, _, code = unit.rpartition("|")
    if system:
        head = values.cut(f"{code}|{system}|")
        return number, ("substr(x.v, 17, %s) = %s", [len(head), head])
    head, tail = values.cut(f"{code}|"), values.cut(f"|{code}")
    text = "(substr(x.v, 17, %s) = %s OR substr(x.v, length(x.v) - %s) = %s)"
    return number, (text, [len(head), head, len(tail) - 1, tail])


def _quantity(parameter: Parameter, value: str) -> Part:
    number, (unit, more) = _unit(value)
    test, given = _number(parameter, number)
    return f"({test} AND {unit})", [*given, *more]


def _quantity_fast(parameter: Parameter, value: str) -> list[Alternative]:
    number, (unit, more) = _unit(value)
    found = _number_alternatives(_asked(parameter, number))
    return [
        Alternative(variant, test if unit == "TRUE" else f"({test} AND {unit})", [*given, *more])
        for variant, test, given in found
    ]


def _composite(parameter: Parameter, value: str) -> Part:
    """``code$value``: each part compared with its stretch of the row."""
    parts = re.split(r"(?<!\\)\$", value)
    if len(parts) != len(parameter.components) or not all(parts):
        raise Malformed(parameter.name, f"has {len(parameter.components)} parts, joined by $")
    rest, said, given = "x.v", [], []
    for place, part in enumerate(parts):
        text, values_ = plain(parameter.component(place), part)
        last = place == len(parts) - 1
        own, rest = _stretch(parameter.components[place], rest, last=last)
        said.append(text.replace("x.v", own))
        given += values_
    narrow, first = _first(parameter, parts[0])
    return f"({' AND '.join([*narrow, *said])})", [*first, *given]


def _stretch(type_: str, rest: str, *, last: bool) -> tuple[str, str]:
    """Where a part lies in ``rest``, and what lies behind it."""
    if last:
        return rest, ""
    if type_ == "number":
        return f"substr({rest}, 1, 16)", f"substr({rest}, 17)"
    zero = ZERO[connection.vendor].format(rest)
    return f"substr({rest}, 1, {zero} - 1)", f"substr({rest}, {zero} + 1)"


def _first(parameter: Parameter, value: str) -> tuple[list[str], list[Any]]:
    """A range of the index, where the first part is a code."""
    system, bar, code = halves(value)
    if not code or parameter.components[0] != "token":
        return [], []
    known = parameter.component(0).plain_codes or not bar
    text, given = begins(values.cut(f"{code}|") if known else values.token(system, code))
    return [text], given


_PLAIN: dict[str, Callable[[Parameter, str], Part]] = {
    "string": _string,
    "token": _token,
    "reference": _reference,
    "date": _date,
    "number": _number,
    "quantity": _quantity,
    "uri": _uri,
    "composite": _composite,
}
_FAST: dict[str, Callable[[Parameter, str], list[Alternative]]] = {
    "date": _date_fast,
    "number": _number_fast,
    "quantity": _quantity_fast,
}
_MODIFIED: dict[str, tuple[str, Callable[[Parameter, str], Part]]] = {
    "exact": ("", _exact),
    "contains": ("", _contains),
    "text": (":text", _string),
    "of-type": (":of-type", _of_type),
    "identifier": (":identifier", _token),
    "below": ("", _below),
    "above": ("", _above),
}
