"""Changes elements of a resource in JSON: choices by their type, extensions beside primitives."""

from dataclasses import dataclass
from typing import Any

from kernel.errors import Invalid
from records.definitions import Element, element_name, types
from records.errors import Malformed
from records.fhirpath import Node

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a patch: its JSON, what stands beside it if it is a primitive, and its type.

    ``type`` is the tail of ``value[x]`` (``Quantity``), empty for an element without a name of its
    own, whose ``parts`` are then its children.
    """

    json: Any = None
    beside: Json | None = None
    type: str = ""
    parts: tuple[tuple[str, "Value"], ...] = ()


def of_part(part: Json, where: str) -> Value:
    """The value of one part of a Parameters resource. Raises Malformed."""
    if "resource" in part:
        return Value(part["resource"])
    if "part" in part:
        rows = part["part"] if isinstance(part["part"], list) else []
        if not rows or not all(_is_named(row) for row in rows):
            raise Malformed(where, "parts are a list of objects with names")
        return Value(parts=tuple((row["name"], of_part(row, where)) for row in rows))
    names = {key.lstrip("_") for key in part if key.lstrip("_").startswith("value")}
    if len(names) != 1:
        raise Malformed(where, "each part has one value")
    name = names.pop()
    return Value(part.get(name), part.get("_" + name), name.removeprefix("value"))


def _is_named(row: Any) -> bool:
    return isinstance(row, dict) and isinstance(row.get("name"), str)


def add(owner: Node, name: str, value: Value) -> None:
    """Append to the element ``name`` of ``owner``, or make it. Raises Invalid."""
    _add(owner.value, owner.type, name, value)


def _add(holder: Json, kind: str, name: str, value: Value) -> None:
    key, element = _element(kind, name, value)
    if element.many:
        items = holder.get(key, [])
        if not isinstance(items, list):
            raise Invalid("", f"{key} is no list")
        _put(holder, key, len(items), element, value)
    elif any(taken in holder for taken in _taken(kind, name, key)):
        raise Invalid("", f"{key} is there already")
    else:
        holder[key] = _json(element, value)
        _beside(holder, key, value.beside)
        _tidy(holder, key)


def insert(first: Node, index: int, value: Value) -> None:
    """Put a value at ``index`` into the list whose first element is given. Raises Invalid."""
    holder, element = _list_of(first)
    if not 0 <= index <= len(holder[first.key]):
        raise Invalid("", "the index is outside of the list")
    _put(holder, first.key, index, element, value)


def move(first: Node, source: int, destination: int) -> None:
    """Move an item of the list whose first element is given. Raises Invalid."""
    holder, _ = _list_of(first)
    count = len(holder[first.key])
    if not (0 <= source < count and 0 <= destination < count):
        raise Invalid("", "source or destination is outside of the list")
    for key in (first.key, "_" + first.key):
        if isinstance(items := holder.get(key), list):
            items.extend([None] * (count - len(items)))
            items.insert(destination, items.pop(source))


def replace(node: Node, value: Value) -> None:
    """Put a value where another one was. Raises Invalid."""
    if node.parent is None:
        raise Invalid("", "a resource is not replaced by a patch")
    holder, kind = node.parent.value, node.parent.type
    key, element = _element(kind, element_name(kind, node.key), value)
    if node.index >= 0:
        holder[key][node.index] = _json(element, value)
        if isinstance(besides := holder.get("_" + key), list) and node.index < len(besides):
            besides[node.index] = value.beside
            _tidy(holder, "_" + key)
        return
    for old in (node.key, "_" + node.key):
        holder.pop(old, None)
    holder[key] = _json(element, value)
    _beside(holder, key, value.beside)
    _tidy(holder, key)


def remove(node: Node) -> None:
    """Take an element away, and whatever would be empty without it. Raises Invalid."""
    if node.parent is None:
        raise Invalid("", "a resource is not deleted by a patch")
    holder = node.parent.value
    for key in (node.key, "_" + node.key):
        if node.index < 0:
            holder.pop(key, None)
        elif isinstance(items := holder.get(key), list) and node.index < len(items):
            del items[node.index]
            _tidy(holder, key)
    if not holder and node.parent.parent is not None:
        remove(node.parent)


def _list_of(first: Node) -> tuple[Json, Element]:
    if first.parent is None:
        raise Invalid("", "the path names no list")
    return first.parent.value, types()[first.parent.type][first.key]


def _put(holder: Json, key: str, index: int, element: Element, value: Value) -> None:
    items = holder.setdefault(key, [])
    beside = "_" + key
    if value.beside is not None or beside in holder:
        besides = holder.setdefault(beside, [])
        besides.extend([None] * (len(items) - len(besides)))
        besides.insert(index, value.beside)
    items.insert(index, _json(element, value))
    for name in (key, beside):
        _tidy(holder, name)


def _tidy(holder: Json, key: str) -> None:
    """What says nothing is left out: FHIR has no empty elements."""
    value = holder.get(key)
    if value is None or (isinstance(value, list) and all(item is None for item in value)):
        holder.pop(key, None)


def _beside(holder: Json, key: str, beside: Json | None) -> None:
    if beside is not None:
        holder["_" + key] = beside


def _json(element: Element, value: Value) -> Any:
    """The JSON of a value; children of an element without a type of its own are put together."""
    if not value.parts:
        return value.json
    made: Json = {}
    for name, part in value.parts:
        _add(made, element.type, name, part)
    return made


def _element(kind: str, name: str, value: Value) -> tuple[str, Element]:
    """The JSON name of the element ``name`` of a type, which for a choice says the value's type."""
    known = types().get(kind, {})
    for key in (name, f"{name}{value.type}"):
        if key in known:
            return key, known[key]
    raise Invalid("", f"{kind} has no element {name[:40]} for this value")


def _taken(kind: str, name: str, key: str) -> list[str]:
    """The JSON names of which only one may be there."""
    known = types().get(kind, {})
    choices = [other for other in known if element_name(kind, other) == name]
    return [f"{mark}{one}" for one in {key, *choices} for mark in ("", "_")]
