"""A JSON value with its FHIR type and its place, and the way to its children."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from records.definitions import element_name, types

Json = dict[str, Any]
SYSTEM_TYPES = {
    "Boolean": "boolean",
    "String": "string",
    "Integer": "integer",
    "Decimal": "decimal",
    "Date": "date",
    "DateTime": "dateTime",
    "Time": "time",
}
BASES = {
    **dict.fromkeys(("code", "id", "markdown"), "string"),
    **dict.fromkeys(("url", "canonical", "oid", "uuid"), "uri"),
    **dict.fromkeys(("positiveInt", "unsignedInt"), "integer"),
    **dict.fromkeys(("Age", "Count", "Distance", "Duration", "SimpleQuantity"), "Quantity"),
}
NOTHING: tuple[Any, ...] = (None, [])
NOT_DOMAIN = frozenset({"Bundle", "Binary", "Parameters"})


class Node:
    """One element: ``value`` is its JSON, ``beside`` what stands under ``_name`` of a primitive.

    ``parent`` holds it under the JSON name ``key``, at ``index`` where that is an array (else -1).
    """

    __slots__ = ("beside", "index", "key", "parent", "type", "value")

    def __init__(
        self,
        value: Any,
        type_: str,
        parent: "Node | None" = None,
        key: str = "",
        index: int = -1,
        *,
        beside: Json | None = None,
    ) -> None:
        self.value = value
        self.type = type_
        self.parent = parent
        self.key = key
        self.index = index
        self.beside = beside

    @classmethod
    def root(cls, body: Json, kind: str = "") -> "Node":
        """A resource, or an element of the type ``kind``, that stands for itself."""
        return cls(body, kind or str(body.get("resourceType", "")))

    @property
    def container(self) -> Any:
        """The JSON object or array that holds the value under ``place``; None for a root."""
        if self.parent is None:
            return None
        owner = self.parent.value
        return owner[self.key] if self.index >= 0 else owner

    @property
    def place(self) -> str | int:
        """The key, or the index, under which ``container`` holds the value."""
        return self.index if self.index >= 0 else self.key

    @property
    def path(self) -> str:
        """Where it is, in FHIR's simple FHIRPath: ``Patient.name[0].family``."""
        if self.parent is None:
            return self.type
        name = element_name(self.parent.type, self.key)
        at = f"[{self.index}]" if self.index >= 0 else ""
        return f"{self.parent.path}.{name}{at}"

    @property
    def primitive(self) -> bool:
        """True for an element that holds one value, not others."""
        return not isinstance(self.value, dict)

    def named(self, name: str, found: list[Any]) -> None:
        """Append the children called ``name`` to ``found``; a choice goes by its bare name."""
        value = self.value
        if value.__class__ is not dict:
            if self.beside:
                Node(self.beside, "Element", self.parent, "_" + self.key).named(name, found)
            return
        if name in value or "_" + name in value:
            if name != "resourceType":
                self._append(name, found)
            return
        for key in _choices(self.type, name):
            if key in value or "_" + key in value:
                self._append(key, found)

    def has(self, name: str) -> bool:
        """True when there is a child called ``name``."""
        value = self.value
        if value.__class__ is not dict:
            found: list[Any] = []
            self.named(name, found)
            return bool(found)
        if _holds(value, name):
            return name != "resourceType"
        return any(_holds(value, key) for key in _choices(self.type, name))

    def children(self, found: list[Any]) -> None:
        """Append every child to ``found``."""
        if not isinstance(self.value, dict):
            if self.beside:
                Node(self.beside, "Element", self.parent, "_" + self.key).children(found)
            return
        for key in self.value:
            if key[:1] != "_":
                if key != "resourceType":
                    self._append(key, found)
            elif key[1:] not in self.value:
                self._append(key[1:], found)

    def _append(self, key: str, found: list[Any]) -> None:
        owner = self.value
        value = owner.get(key)
        beside = owner.get("_" + key)
        element = types().get(self.type, {}).get(key)
        kind = element.type if element else ""
        if isinstance(value, list) or isinstance(beside, list):
            found += self._items(key, kind, value or [], beside or [])
        elif value is not None or beside is not None:
            held = beside if isinstance(beside, dict) else None
            found.append(Node(value, _actual(kind, value), self, key, beside=held))

    def _items(self, key: str, kind: str, values: Any, besides: Any) -> "Iterator[Node]":
        values = values if isinstance(values, list) else []
        besides = besides if isinstance(besides, list) else []
        for index in range(max(len(values), len(besides))):
            value = values[index] if index < len(values) else None
            beside = besides[index] if index < len(besides) else None
            if value is not None or beside is not None:
                yield Node(value, _actual(kind, value), self, key, index, beside=beside)

    def is_a(self, name: str) -> bool:
        """True when its type is ``name`` or one made from it."""
        return is_a(self.type, name)


def _holds(value: Json, key: str) -> bool:
    # An empty array holds nothing, and null says nothing: neither is FHIR, both may be asked about.
    return value.get(key) not in NOTHING or value.get("_" + key) not in NOTHING


def _actual(kind: str, value: Any) -> str:
    if kind in ("Resource", "") and isinstance(value, dict):
        return str(value.get("resourceType", kind))
    return kind or _guess(value)


def _guess(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    return "integer" if isinstance(value, int) else "decimal"


@cache
def is_a(kind: str, name: str) -> bool:
    """True when the type ``kind`` is ``name`` or one made from it (``code`` is a ``string``)."""
    name = SYSTEM_TYPES.get(name, name)
    if name in (kind, BASES.get(kind)):
        return True
    resource = "meta" in types().get(kind, {}) and "." not in kind
    if name == "Resource":
        return resource
    if name == "DomainResource":
        return resource and kind not in NOT_DOMAIN
    backbone = "." in kind
    return (name == "Element" and not resource) or (name == "BackboneElement" and backbone)


@cache
def _choices(kind: str, name: str) -> tuple[str, ...]:
    """The JSON names of the choice ``name[x]`` of a type."""
    return tuple(key for key in types().get(kind, ()) if element_name(kind, key) == name != key)
