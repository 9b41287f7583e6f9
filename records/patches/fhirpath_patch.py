"""FHIRPath Patch (FHIR R4, fhirpatch.html): a Parameters resource of operations on a resource."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from kernel.errors import Invalid
from records.definitions import types
from records.errors import Malformed
from records.fhirpath import Node, nodes
from records.patches import elements

Json = dict[str, Any]
MOST_OPERATIONS = 1000
TYPES = ("add", "insert", "delete", "replace", "move")
NEEDS = {
    "add": ("path", "name", "value"),
    "insert": ("path", "index", "value"),
    "delete": ("path",),
    "replace": ("path", "value"),
    "move": ("path", "source", "destination"),
}
LAST_STEP = re.compile(r"(?P<owner>.+)\.(?P<name>[A-Za-z]+)")


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation understood; ``where`` is its place in the patch."""

    where: str
    type: str
    path: str
    name: str = ""
    value: elements.Value = field(default_factory=elements.Value)
    index: int = 0
    source: int = 0
    destination: int = 0


@dataclass(frozen=True, slots=True)
class FhirPathPatch:
    """The operations of one patch, and the Parameters resource that they were read from."""

    content: Json
    operations: tuple[Json, ...]
    path: str

    def apply(self, body: Json) -> Json:
        """Do every operation in order. Raises Invalid naming the first that cannot be done."""
        for place, row in enumerate(self.operations):
            # Read now: a Bundle may have changed references in the values since.
            operation = _operation(row, f"{self.path}parameter[{place}]")
            try:
                _DO[operation.type](operation, body)
            except Invalid as error:
                raise Invalid(operation.where, error.issues[0][1]) from None
            except RecursionError:
                raise Invalid(operation.where, "nested too deeply") from None
        return body


def parse(content: Json, path: str = "Parameters.") -> FhirPathPatch:
    """Understand a Parameters resource. Raises Malformed naming the operation."""
    if content.get("resourceType") != "Parameters":
        raise Malformed(path.rstrip("."), "a FHIRPath Patch is a Parameters resource")
    rows = content.get("parameter")
    if not isinstance(rows, list) or not 0 < len(rows) <= MOST_OPERATIONS:
        raise Malformed(f"{path}parameter", f"must be 1 to {MOST_OPERATIONS} operations")
    for place, row in enumerate(rows):
        _operation(row, f"{path}parameter[{place}]")
    return FhirPathPatch(content, tuple(rows), path)


def _operation(row: Any, where: str) -> Operation:
    if not isinstance(row, dict) or row.get("name") != "operation":
        raise Malformed(f"{where}.name", "must be operation")
    parts: dict[str, elements.Value] = {}
    given = row.get("part")
    for part in given if isinstance(given, list) else ():
        name = part.get("name") if isinstance(part, dict) else None
        if not isinstance(name, str) or name in parts:
            raise Malformed(where, "each part has a name of its own")
        parts[name] = elements.of_part(part, where)
    said = parts["type"].json if "type" in parts else None
    if said not in TYPES:
        raise Malformed(where, f"type must be one of {', '.join(TYPES)}")
    for need in NEEDS[said]:
        if need not in parts:
            raise Malformed(where, f"{said} needs a part {need}")
    fields: dict[str, Any] = {name: _given(name, parts[name], where) for name in NEEDS[said]}
    return Operation(where, said, **fields)


def _given(name: str, value: elements.Value, where: str) -> Any:
    if name == "value":
        return value
    expected = str if name in ("path", "name") else int
    found = value.json
    if not isinstance(found, expected) or isinstance(found, bool):
        raise Malformed(where, f"{name} must be a {'string' if expected is str else 'integer'}")
    return found


def _one(operation: Operation, body: Json) -> Node | None:
    found = nodes(body, operation.path)
    if len(found) > 1:
        raise Invalid("", "the path names several elements")
    return found[0] if found else None


def _the_one(operation: Operation, body: Json) -> Node:
    found = _one(operation, body)
    if found is None:
        raise Invalid("", "the path names no element")
    return found


def _add(operation: Operation, body: Json) -> None:
    owner = _the_one(operation, body)
    if not isinstance(owner.value, dict):
        raise Invalid("", "nothing can be added to this element")
    elements.add(owner, operation.name, operation.value)


def _delete(operation: Operation, body: Json) -> None:
    # What is not there is deleted already (fhirpatch.html).
    found = _one(operation, body)
    if found is not None:
        elements.remove(found)


def _replace(operation: Operation, body: Json) -> None:
    elements.replace(_the_one(operation, body), operation.value)


def _list(operation: Operation, body: Json) -> Node:
    """The first element of the list that the path names, whole."""
    found = nodes(body, operation.path)
    if not found:
        raise Invalid("", "the path names no list")
    first = found[0]
    owner = first.parent
    if owner is None or not types().get(owner.type, {}).get(first.key):
        raise Invalid("", "the path names no list")
    same = all(node.parent is owner or _same(node.parent, owner) for node in found)
    if first.index < 0 or not same or len(found) != len(owner.value[first.key]):
        raise Invalid("", "the path does not name one whole list")
    return first


def _same(one: Node | None, other: Node) -> bool:
    return one is not None and one.value is other.value


def _insert(operation: Operation, body: Json) -> None:
    step = LAST_STEP.fullmatch(operation.path)
    if operation.index == 0 and step and not nodes(body, operation.path):
        owner = nodes(body, step["owner"])
        if len(owner) == 1 and isinstance(owner[0].value, dict):
            elements.add(owner[0], step["name"], operation.value)
            return
    elements.insert(_list(operation, body), operation.index, operation.value)


def _move(operation: Operation, body: Json) -> None:
    elements.move(_list(operation, body), operation.source, operation.destination)


_DO: dict[str, Callable[[Operation, Json], None]] = {
    "add": _add,
    "insert": _insert,
    "delete": _delete,
    "replace": _replace,
    "move": _move,
}
