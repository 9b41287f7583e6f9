"""The filters of ValueSet.compose.include.filter (FHIR R4, valueset-filter-operator).

A regular expression must fit the whole value. Only what cannot run wild is taken: no repeated
groups, no references back, few repetitions.
"""

import re
from collections.abc import Callable
from typing import Any

from kernel.errors import Invalid
from records.terminology.concepts import CodeSystem, Concept

Json = dict[str, Any]
Test = Callable[[Concept], bool]
LONGEST_PATTERN = 200
LONGEST_VALUE = 100
MOST_REPETITIONS = 3
WILD = re.compile(r"\)\s*[*+{]|\(\?(?!:)|\\[1-9]")
REPETITION = re.compile(r"(?<!\\)[*+{]")


def test_of(system: CodeSystem, given: Json, path: str) -> Test:
    """What a concept must fulfil. Raises Invalid naming ``path``."""
    name, op, value = (str(given.get(key, "")) for key in ("property", "op", "value"))
    make = _OPERATORS.get(op)
    if make is None:
        raise Invalid(f"{path}.op", f"{op[:40]!r} is not supported")
    return make(system, name, value, path)


def _is_a(system: CodeSystem, name: str, value: str, path: str) -> Test:
    codes = system.below(value)
    return lambda concept: concept.code in codes


def _descendant(system: CodeSystem, name: str, value: str, path: str) -> Test:
    codes = system.below(value) - _own(system, value)
    return lambda concept: concept.code in codes


def _is_not_a(system: CodeSystem, name: str, value: str, path: str) -> Test:
    codes = system.below(value)
    return lambda concept: concept.code not in codes


def _generalizes(system: CodeSystem, name: str, value: str, path: str) -> Test:
    codes = system.above(value)
    return lambda concept: concept.code in codes


def _own(system: CodeSystem, code: str) -> set[str]:
    found = system.find(code)
    return {found.code} if found else set()


def _equals(system: CodeSystem, name: str, value: str, path: str) -> Test:
    return lambda concept: value in _values(system, concept, name)


def _in(system: CodeSystem, name: str, value: str, path: str) -> Test:
    wanted = {part.strip() for part in value.split(",")}
    return lambda concept: not wanted.isdisjoint(_values(system, concept, name))


def _not_in(system: CodeSystem, name: str, value: str, path: str) -> Test:
    wanted = {part.strip() for part in value.split(",")}
    return lambda concept: wanted.isdisjoint(_values(system, concept, name))


def _exists(system: CodeSystem, name: str, value: str, path: str) -> Test:
    if value not in ("true", "false"):
        raise Invalid(f"{path}.value", "must be true or false")
    return lambda concept: bool(_values(system, concept, name)) == (value == "true")


def _regex(system: CodeSystem, name: str, value: str, path: str) -> Test:
    pattern = tame_pattern(value, f"{path}.value")
    return lambda concept: any(
        len(text) <= LONGEST_VALUE and pattern.fullmatch(text)
        for text in _values(system, concept, name)
    )


def tame_pattern(text: str, path: str) -> re.Pattern[str]:
    """A regular expression whose work is bounded. Raises Invalid naming ``path``."""
    wild = WILD.search(text) or len(REPETITION.findall(text)) > MOST_REPETITIONS
    if wild or len(text) > LONGEST_PATTERN:
        raise Invalid(path, "repeats groups or too much for a regular expression here")
    try:
        return re.compile(text)
    except (re.error, OverflowError, RecursionError):
        raise Invalid(path, "is not a regular expression") from None


def _values(system: CodeSystem, concept: Concept, name: str) -> list[str]:
    """The values of a property, of those that every concept has too."""
    if name in ("concept", "code"):
        return [concept.code]
    if name == "display":
        return [concept.display]
    if name == "parent":
        return list(concept.parents)
    if name == "child":
        return list(system.children(concept.code))
    if name in ("inactive", "notSelectable"):
        return ["true" if getattr(concept, _FLAGS[name]) else "false"]
    return [_text(item) for item in concept.properties if item.get("code") == name]


def _text(item: Json) -> str:
    value = next((item[key] for key in item if key.startswith("value")), "")
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value.get("code", "") if isinstance(value, dict) else value)


_FLAGS = {"inactive": "inactive", "notSelectable": "abstract"}
_OPERATORS: dict[str, Callable[[CodeSystem, str, str, str], Test]] = {
    "=": _equals,
    "is-a": _is_a,
    "descendent-of": _descendant,
    "is-not-a": _is_not_a,
    "generalizes": _generalizes,
    "regex": _regex,
    "in": _in,
    "not-in": _not_in,
    "exists": _exists,
}
