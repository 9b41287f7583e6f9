"""Operators of FHIRPath on two collections; ``and``, ``or``, ``implies`` are in ``compiler``."""

from collections.abc import Callable
from decimal import Decimal, DivisionByZero, InvalidOperation, Overflow, localcontext
from typing import Any

from kernel.errors import Invalid
from records.fhirpath.context import Context, Items
from records.fhirpath.items import (
    Fixed,
    all_equal,
    compare,
    distinct,
    equivalent,
    key,
    keys_of,
    one,
    plain,
    said,
    truth,
)
from records.fhirpath.values import Quantity

MOST_DIGITS = 100
Operator = Callable[[Items, Items, Context], Items]


def _not(answer: bool | None) -> bool | None:
    return None if answer is None else not answer


def _xor(left: Items, right: Items, _: Context) -> Items:
    first, second = truth(left), truth(right)
    return [] if first is None or second is None else [first is not second]


def _ordered(fits: Callable[[int], bool]) -> Operator:
    def run(left: Items, right: Items, _: Context) -> Items:
        found = compare(left, right)
        return [] if found is None else [fits(found)]

    return run


def _contains(collection: Items, item: Items, context: Context) -> Items:
    if not item:
        return []
    if not isinstance(collection, Fixed):
        context.spend(len(collection))
    return [key(one(item)) in keys_of(collection)]


def _union(left: Items, right: Items, context: Context) -> Items:
    context.spend(len(left) + len(right))
    return distinct([*left, *right])


def _joined(left: Items, right: Items, context: Context) -> Items:
    texts = [plain(one(side)) if side else "" for side in (left, right)]
    return [context.text("".join(str(text) for text in texts))]


def _added(left: Items, right: Items, context: Context) -> Items:
    if not left or not right:
        return []
    first, second = plain(one(left)), plain(one(right))
    if isinstance(first, str) and isinstance(second, str):
        return [context.text(first + second)]
    return _calculated(left, right, lambda a, b: a + b)


def _calculated(
    left: Items, right: Items, work: Callable[[Decimal, Decimal], Decimal | None]
) -> Items:
    if not left or not right:
        return []
    first, second = plain(one(left)), plain(one(right))
    unit = ""
    if isinstance(first, Quantity) and isinstance(second, Quantity) and first.unit == second.unit:
        unit, first, second = first.unit, first.value, second.value
    if not _is_number(first) or not _is_number(second):
        raise Invalid("", "FHIRPath: a number is needed")
    with localcontext() as exact:
        exact.traps[Overflow] = True
        try:
            found = work(Decimal(first), Decimal(second))
        except (DivisionByZero, InvalidOperation, Overflow):
            return []
    if found is None or abs(found.adjusted()) > MOST_DIGITS:
        return []
    if unit:
        return [Quantity(found, unit)]
    whole = isinstance(first, int) and isinstance(second, int) and found == int(found)
    return [int(found) if whole else found]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _arithmetic(work: Callable[[Decimal, Decimal], Decimal | None]) -> Operator:
    return lambda left, right, _: _calculated(left, right, work)


OPERATORS: dict[str, Operator] = {
    "xor": _xor,
    "=": lambda a, b, _: said(all_equal(a, b)),
    "!=": lambda a, b, _: said(_not(all_equal(a, b))),
    "~": lambda a, b, _: [equivalent(a, b)],
    "!~": lambda a, b, _: [not equivalent(a, b)],
    "<": _ordered(lambda found: found < 0),
    "<=": _ordered(lambda found: found <= 0),
    ">": _ordered(lambda found: found > 0),
    ">=": _ordered(lambda found: found >= 0),
    "in": lambda a, b, context: _contains(b, a, context),
    "contains": _contains,
    "|": _union,
    "&": _joined,
    "+": _added,
    "-": _arithmetic(lambda a, b: a - b),
    "*": _arithmetic(lambda a, b: a * b),
    "/": _arithmetic(lambda a, b: a / b if b else None),
    "div": _arithmetic(lambda a, b: a // b if b else None),
    "mod": _arithmetic(lambda a, b: a % b if b else None),
}
