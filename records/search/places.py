"""Where the values of a search parameter lie in the JSON of a resource, understood once.

A place is written ``telecom[system=phone]:ContactPoint``: a path, which items of a list count
(those with this value, with this extension, or the one at a position), and the datatype there.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

STEP = re.compile(r"(\w+)(?:\[(\w+)=([^\]]+)\]|\[(\d+)\])?(?:\.|$)")
ALWAYS = "resourceType"


class Step(NamedTuple):
    """One element on the way; ``only`` is the value that ``key`` of an item must have."""

    name: str
    key: str
    only: str
    position: int | None


@dataclass(frozen=True, slots=True)
class Place:
    """A path and the datatype at its end; ``of_resource`` where a component looks outside."""

    steps: tuple[Step, ...]
    datatype: str
    of_resource: bool = False

    @property
    def head(self) -> str:
        """The element without which there is no value."""
        return self.steps[0].name

    def values(self, node: Any) -> Iterator[Any]:
        """Every value there, lists flattened."""
        return _walk(node, self.steps)


@dataclass(frozen=True, slots=True)
class Exists(Place):
    """Whether an element of any type has a value other than false (``deceased[x]``)."""

    @property
    def head(self) -> str:
        """Absence counts too."""
        return ALWAYS

    def values(self, node: Any) -> Iterator[Any]:
        """True or false, once."""
        name = self.steps[0].name
        yield any(key.startswith(name) and value is not False for key, value in node.items())


@cache
def place_of(text: str) -> Place:
    """Understand one place. Raises ValueError."""
    path, _, datatype = text.rpartition(":")
    if datatype == "exists":
        return Exists(steps_of(path.removesuffix("[x]")), datatype)
    return Place(steps_of(path.removeprefix("%")), datatype, path.startswith("%"))


def steps_of(path: str) -> tuple[Step, ...]:
    """Understand a path. Raises ValueError."""
    steps, at = [], 0
    while at < len(path):
        found = STEP.match(path, at)
        if found is None:
            raise ValueError(f"not a path: {path}")
        name, key, only, position = found.groups()
        steps.append(Step(name, key or "", only or "", int(position) if position else None))
        at = found.end()
    return tuple(steps)


def _walk(node: Any, steps: tuple[Step, ...]) -> Iterator[Any]:
    if isinstance(node, list):
        for item in node:
            yield from _walk(item, steps)
    elif not steps:
        if node is not None:
            yield node
    elif isinstance(node, dict) and steps[0].name in node:
        step = steps[0]
        child = node[step.name]
        if step.key:
            child = [item for item in child if _counts(item, step)]
        elif step.position is not None:
            child = child[step.position : step.position + 1]
        yield from _walk(child, steps[1:])


def _counts(item: Any, step: Step) -> bool:
    held = item.get(step.key)
    if isinstance(held, list):
        return any(one.get("url") == step.only for one in held)
    return bool(held == step.only)
