"""Items of a collection as plain values: the one, true or false, equal, in order."""

from decimal import Decimal
from typing import Any

from kernel.errors import Invalid
from records.fhirpath.context import Items
from records.fhirpath.node import Node, is_a
from records.fhirpath.values import Moment, Quantity, moment, number, order, quantity

MOMENTS = frozenset({"date", "dateTime", "instant", "time"})


class Fixed(list[Any]):
    """A collection that is the same wherever it is asked for: its keys are made once."""

    __slots__ = ("_keys",)

    def keys(self) -> set[str]:
        """The keys of its items."""
        if not hasattr(self, "_keys"):
            self._keys = {key(item) for item in self}
        return self._keys


def keys_of(items: Items) -> set[str]:
    """The keys of all items."""
    return items.keys() if isinstance(items, Fixed) else {key(item) for item in items}


def raw(item: Any) -> Any:
    """The JSON value of a node; other values are themselves."""
    return item.value if item.__class__ is Node else item


def plain(item: Any) -> Any:
    """A value to compare: moments, quantities and exact numbers out of FHIR's types."""
    if item.__class__ is not Node:
        return item
    value = item.value
    if value.__class__ is str:
        return (moment(value) or value) if item.type in MOMENTS else value
    if value.__class__ is dict:
        found = quantity(value) if is_a(item.type, "Quantity") else None
        return value if found is None else found
    return Decimal(str(value)) if value.__class__ is float else value


def one(items: Items, what: str = "value") -> Any:
    """The only item, None when there is none. Raises Invalid for several."""
    if len(items) > 1:
        raise Invalid("", f"FHIRPath: one {what} is needed, there are several")
    return items[0] if items else None


def text_of(items: Items) -> str | None:
    """The only item as a text; None when there is none or it is no text."""
    value = raw(one(items, "text"))
    return value if isinstance(value, str) else None


def number_of(items: Items) -> int | Decimal | None:
    """The only item as a number; None when there is none or it is no number."""
    value = plain(one(items, "number"))
    good = isinstance(value, int | Decimal) and not isinstance(value, bool)
    return value if good else None


def truth(items: Items) -> bool | None:
    """True, False, or None when nothing can be said; one thing that is no boolean is true."""
    if not items:
        return None
    value = raw(one(items, "condition"))
    return value if isinstance(value, bool) else True


def said(answer: bool | None) -> Items:
    """A truth as a collection."""
    return [] if answer is None else [answer]


def _alike(left: Any, right: Any) -> tuple[Any, Any]:
    """Two plain values as one type, where one says what the other may be."""
    if isinstance(left, Moment) and isinstance(right, str):
        return left, moment(right)
    if isinstance(right, Moment) and isinstance(left, str):
        return moment(left), right
    for one_, other in ((left, right), (right, left)):
        if isinstance(one_, Quantity) and isinstance(other, int | Decimal):
            made = Quantity(Decimal(other), one_.unit if one_.unit == "1" else "1")
            return (one_, made) if one_ is left else (made, one_)
    return left, right


def equal(left: Any, right: Any) -> bool | None:
    """``=`` of two items; None when a precision leaves it open."""
    one_, other = _alike(plain(left), plain(right))
    if isinstance(one_, Moment) and isinstance(other, Moment):
        found = order(one_, other)
        return None if found is None else found == 0
    if isinstance(one_, bool) or isinstance(other, bool):
        return one_ is other
    return bool(one_ == other)


def all_equal(left: Items, right: Items) -> bool | None:
    """``=`` of two collections; None when one is empty."""
    if not left or not right:
        return None
    if len(left) != len(right):
        return False
    answers = [equal(a, b) for a, b in zip(left, right, strict=True)]
    return False if False in answers else None if None in answers else True


def equivalent(left: Items, right: Items) -> bool:
    """``~``: without order, case of letters, white space and needless precision."""
    if len(left) != len(right):
        return False
    if len(left) > 1:
        return sorted(map(key, map(_loose, left))) == sorted(map(key, map(_loose, right)))
    return all(_near(a, b) for a, b in zip(left, right, strict=True))


def _near(left: Any, right: Any) -> bool:
    one_, other = _alike(plain(left), plain(right))
    if isinstance(one_, Moment) and isinstance(other, Moment):
        return len(one_.parts) == len(other.parts) and order(one_, other) == 0
    if isinstance(one_, Decimal) and isinstance(other, Decimal | int):
        digits = min(_digits(one_), _digits(Decimal(other)))
        return round(one_, digits) == round(Decimal(other), digits)
    return key(_loose(left)) == key(_loose(right))


def _digits(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _loose(item: Any) -> Any:
    value = plain(item)
    return " ".join(value.casefold().split()) if isinstance(value, str) else value


def compare(left: Items, right: Items) -> int | None:
    """-1, 0 or 1; None when one is empty or a precision leaves it open. Raises Invalid."""
    if not left or not right:
        return None
    one_, other = _alike(plain(one(left)), plain(one(right)))
    if isinstance(one_, Moment) and isinstance(other, Moment):
        return order(one_, other)
    if isinstance(one_, Quantity) and isinstance(other, Quantity):
        if one_.unit != other.unit:
            return None
        one_, other = one_.value, other.value
    numbers = number(one_) is not None and number(other) is not None
    texts = isinstance(one_, str) and isinstance(other, str)
    if not texts and (not numbers or isinstance(one_, str) or isinstance(other, str)):
        if one_ is None or other is None:
            return None
        raise Invalid("", "FHIRPath: these two cannot be compared")
    return 0 if one_ == other else -1 if one_ < other else 1


def key(item: Any) -> str:
    """A text that is the same for equal items."""
    value = plain(item)
    if isinstance(value, Moment):
        return f"m{value.parts}{value.zoned}{value.clock}"
    if isinstance(value, dict):
        return "{" + ",".join(f"{name}:{key(value[name])}" for name in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(key, value)) + "]"
    if isinstance(value, Decimal | float | int) and not isinstance(value, bool):
        return f"n{Decimal(str(value)).normalize()}"
    return f"{type(value).__name__[0]}{value!r}"


def distinct(items: Items) -> Items:
    """The items without repetition, in their order."""
    if len(items) < 2:
        return list(items)
    found: dict[str, Any] = {}
    for item in items:
        found.setdefault(key(item), item)
    return list(found.values())
