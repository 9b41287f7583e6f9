"""Functions of FHIRPath on texts and numbers, and from one to the other."""

import math
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from kernel.errors import Invalid
from records.fhirpath.context import Context, Items
from records.fhirpath.functions import Arguments, Function, argument
from records.fhirpath.items import number_of, one, plain, raw, text_of
from records.fhirpath.regex import matcher
from records.fhirpath.values import Moment, Quantity, moment, number, quantity

MOST_DIGITS = 100
INTEGER = re.compile(r"[+-]?[0-9]{1,100}")


def _about(work: Callable[[str, Context], Any]) -> Function:
    """A function of one text."""

    def run(items: Items, _: Arguments, context: Context) -> Items:
        text = text_of(items)
        return [] if text is None else [work(text, context)]

    return run


def _with(work: Callable[[str, str, Context], Any]) -> Function:
    """A function of one text and another; empty when either is."""

    def run(items: Items, arguments: Arguments, context: Context) -> Items:
        text, other = text_of(items), text_of(argument(arguments, 0, context))
        return [] if text is None or other is None else [work(text, other, context)]

    return run


def _substring(items: Items, arguments: Arguments, context: Context) -> Items:
    text, start = text_of(items), number_of(argument(arguments, 0, context))
    if text is None or start is None or not 0 <= start < len(text):
        return []
    if len(arguments) < 2:
        return [text[int(start) :]]
    length = number_of(argument(arguments, 1, context))
    return [text[int(start) :][: max(0, int(length))]] if length is not None else []


def _replace(items: Items, arguments: Arguments, context: Context) -> Items:
    text = text_of(items)
    old, new = (text_of(argument(arguments, place, context)) for place in (0, 1))
    if text is None or old is None or new is None:
        return []
    if (text.count(old) + 1) * len(new) + len(text) > 2_000_000:
        raise Invalid("", "FHIRPath: the expression makes too long a text")
    return [context.text(text.replace(old, new))]


def _matches(text: str, pattern: str, context: Context) -> bool:
    return matcher(pattern, trusted=context.trusted).search(text)


def _replace_matches(items: Items, arguments: Arguments, context: Context) -> Items:
    text = text_of(items)
    pattern, new = (text_of(argument(arguments, place, context)) for place in (0, 1))
    if text is None or pattern is None or new is None:
        return []
    if (len(text) + 1) * (len(new) + 1) > 4_000_000:
        raise Invalid("", "FHIRPath: the expression makes too long a text")
    return [context.text(matcher(pattern, trusted=context.trusted).replace(text, new))]


def _split(text: str, by: str, context: Context) -> list[str]:
    parts = text.split(by) if by else list(text)
    context.spend(len(parts))
    return parts


def _parts(items: Items, arguments: Arguments, context: Context) -> Items:
    found = _with(_split)(items, arguments, context)
    return list(found[0]) if found else []


def _join(items: Items, arguments: Arguments, context: Context) -> Items:
    between = text_of(argument(arguments, 0, context)) if arguments else ""
    texts = [str(raw(item)) for item in items]
    return [context.text((between or "").join(texts))] if texts else []


def _integer(items: Items, _: Arguments, __: Context) -> Items:
    value = plain(one(items))
    good = isinstance(value, bool | int) or (isinstance(value, str) and INTEGER.fullmatch(value))
    return [int(value)] if good else []


def _decimal(items: Items, _: Arguments, __: Context) -> Items:
    value = plain(one(items))
    found = Decimal(value) if isinstance(value, bool) else number(value)
    return [] if found is None else [found]


def _string(items: Items, _: Arguments, __: Context) -> Items:
    value = plain(one(items))
    if value is None or isinstance(value, dict):
        return []
    if isinstance(value, bool):
        return ["true" if value else "false"]
    if isinstance(value, Moment):
        return [value.text]
    if isinstance(value, Quantity):
        return [f"{value.value} '{value.unit}'"]
    return [str(value)]


def _boolean(items: Items, _: Arguments, __: Context) -> Items:
    value = str(plain(one(items))).casefold()
    if value in ("true", "t", "yes", "y", "1", "1.0"):
        return [True]
    return [False] if value in ("false", "f", "no", "n", "0", "0.0") else []


def _moment(clock: bool, precise: bool) -> Function:
    def run(items: Items, _: Arguments, __: Context) -> Items:
        value = plain(one(items))
        found = moment(value) if isinstance(value, str) else value
        if not isinstance(found, Moment) or found.clock is not clock:
            return []
        short = moment(found.text[:10]) if not clock and not precise else found
        return [short] if short else []

    return run


def _quantity(items: Items, _: Arguments, __: Context) -> Items:
    value = plain(one(items))
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        value = Quantity(Decimal(value), "1")
    found = value if isinstance(value, Quantity) else quantity(value)
    return [] if found is None else [found]


def _converts(work: Function) -> Function:
    def run(items: Items, arguments: Arguments, context: Context) -> Items:
        return [bool(work(items, arguments, context))] if items else []

    return run


def _math(work: Callable[[Decimal], Decimal | int | float]) -> Function:
    def run(items: Items, _: Arguments, __: Context) -> Items:
        value = number_of(items)
        if value is None or abs(Decimal(value).adjusted()) > MOST_DIGITS:
            return []
        try:
            found = work(Decimal(value))
        except (ValueError, OverflowError, InvalidOperation):
            return []
        return [Decimal(str(found)) if isinstance(found, float) else found]

    return run


def _round(items: Items, arguments: Arguments, context: Context) -> Items:
    digits = number_of(argument(arguments, 0, context)) if arguments else 0
    if digits is None or not 0 <= digits <= 20:
        return []
    return _math(lambda value: round(value, int(digits)))(items, arguments, context)


def _absolute(items: Items, _: Arguments, __: Context) -> Items:
    value = number_of(items)
    return [] if value is None else [abs(value)]


CONVERSIONS: dict[str, Function] = {
    "Integer": _integer,
    "Decimal": _decimal,
    "String": _string,
    "Boolean": _boolean,
    "Date": _moment(False, False),
    "DateTime": _moment(False, True),
    "Time": _moment(True, True),
    "Quantity": _quantity,
}
TEXTS: dict[str, tuple[int, int, Function]] = {
    "length": (0, 0, _about(lambda text, _: len(text))),
    "upper": (0, 0, _about(lambda text, context: context.text(text.upper()))),
    "lower": (0, 0, _about(lambda text, context: context.text(text.lower()))),
    "trim": (0, 0, _about(lambda text, _: text.strip())),
    "toChars": (0, 0, lambda items, _, __: list(text_of(items) or "")),
    "startsWith": (1, 1, _with(lambda text, other, _: text.startswith(other))),
    "endsWith": (1, 1, _with(lambda text, other, _: text.endswith(other))),
    "contains": (1, 1, _with(lambda text, other, _: other in text)),
    "indexOf": (1, 1, _with(lambda text, other, _: text.find(other))),
    "matches": (1, 1, _with(_matches)),
    "substring": (1, 2, _substring),
    "replace": (2, 2, _replace),
    "replaceMatches": (2, 2, _replace_matches),
    "split": (1, 1, _parts),
    "join": (0, 1, _join),
    "abs": (0, 0, _absolute),
    "ceiling": (0, 0, _math(math.ceil)),
    "floor": (0, 0, _math(math.floor)),
    "truncate": (0, 0, _math(math.trunc)),
    "round": (0, 1, _round),
    "sqrt": (0, 0, _math(lambda value: value.sqrt())),
    **{f"to{name}": (0, 0, work) for name, work in CONVERSIONS.items()},
    **{f"convertsTo{name}": (0, 0, _converts(work)) for name, work in CONVERSIONS.items()},
}
