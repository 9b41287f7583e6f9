"""How the fields of a message are read from JSON: a rule in each annotation, or by its type.

Every reader raises ``kernel.errors.Invalid`` with the path of what is wrong. No Django in here.
"""

from collections.abc import Callable
from dataclasses import dataclass, is_dataclass
from typing import (
    Annotated,
    Any,
    ClassVar,
    Literal,
    TypeVar,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

from kernel.errors import Invalid

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Rule:
    """How a field is read: ``read(path, value)`` gives the value or raises Invalid."""

    read: Callable[[str, Any], Any]
    about: str


_rules: dict[type[Any], dict[str, Rule]] = {}


def text(limit: int, *, least: int = 1) -> Rule:
    """A string of ``least`` to ``limit`` characters."""

    def read(path: str, value: Any) -> str:
        if not isinstance(value, str):
            raise Invalid(path, "must be a string")
        if not least <= len(value) <= limit:
            raise Invalid(path, f"must have {least} to {limit} characters")
        # JSON can spell half a surrogate pair, which no socket could pass on to the others.
        if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
            raise Invalid(path, "must be Unicode text")
        return value

    return Rule(read, f"string, {least} to {limit} characters")


def whole(highest: int) -> Rule:
    """A whole number from 0 to ``highest``."""

    def read(path: str, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= highest:
            raise Invalid(path, f"must be a whole number from 0 to {highest}")
        return value

    return Rule(read, f"whole number, 0 to {highest}")


def texts(limit: int) -> Rule:
    """A list of strings."""

    def read(path: str, value: Any) -> tuple[str, ...]:
        good = isinstance(value, list) and len(value) <= limit
        if not good or not all(isinstance(item, str) and len(item) <= 300 for item in value):
            raise Invalid(path, f"must be a list of at most {limit} strings")
        return tuple(value)

    return Rule(read, f"list of at most {limit} strings")


def words(limit: int) -> Rule:
    """An object from string to string."""

    def read(path: str, value: Any) -> dict[str, str]:
        if not isinstance(value, dict) or len(value) > limit:
            raise Invalid(path, f"must be an object of at most {limit} members")
        if not all(isinstance(item, str) and len(item) <= 100 for item in value.values()):
            raise Invalid(path, "must hold strings")
        return dict(value)

    return Rule(read, f"object from string to string, at most {limit} members")


def parts(kind: type[Any], limit: int) -> Rule:
    """A list of objects, each described by another dataclass."""

    def read(path: str, value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list) or len(value) > limit:
            raise Invalid(path, f"must be a list of at most {limit}")
        return tuple(read_object(kind, f"{path}[{n}]", item) for n, item in enumerate(value))

    return Rule(read, f"list of at most {limit}, see {kind.__name__}")


def _flag(path: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise Invalid(path, "must be true or false")
    return value


def _choice(choices: tuple[str, ...]) -> Rule:
    def read(path: str, value: Any) -> str:
        if not isinstance(value, str) or value not in choices:
            raise Invalid(path, f"must be one of {', '.join(choices)}")
        return value

    return Rule(read, " or ".join(f"`{choice}`" for choice in choices))


def _rule(hint: Any) -> Rule:
    """The rule written in the annotation, or the one that its type implies."""
    if get_origin(hint) is Annotated:
        return cast(Rule, hint.__metadata__[0])
    if get_origin(hint) is Literal:
        return _choice(get_args(hint))
    if is_dataclass(hint):
        kind = cast(type[Any], hint)
        return Rule(
            lambda path, value: read_object(kind, path, value), f"object, see {kind.__name__}"
        )
    if hint is bool:
        return Rule(_flag, "true or false")
    raise TypeError(f"a field of type {hint} needs a rule")


def rules(kind: type[Any]) -> dict[str, Rule]:
    """The fields of a message or part, in order, with their rules."""
    if kind not in _rules:
        hints = get_type_hints(kind, include_extras=True)
        own = {name: hint for name, hint in hints.items() if get_origin(hint) is not ClassVar}
        _rules[kind] = {name: _rule(hint) for name, hint in own.items()}
    return _rules[kind]


def read_object(kind: type[T], path: str, found: Any) -> T:
    """The dataclass ``kind`` from a JSON object; raises Invalid naming the first wrong field."""
    if not isinstance(found, dict):
        raise Invalid(path, "must be an object")
    known = rules(kind)
    for name in found:
        if name not in known:
            raise Invalid(f"{path}.{name[:40]}", "is not known")
    for name in known:
        if name not in found:
            raise Invalid(f"{path}.{name}", "is missing")
    return kind(**{n: rule.read(f"{path}.{n}", found[n]) for n, rule in known.items()})
