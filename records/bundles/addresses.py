"""The addresses inside resources: where they lie is what R4 says of each element's type.

Looked at are references, elements of the types uri, url, canonical, oid and uuid, and the ``href``
and ``src`` of narratives (FHIR R4, http.html#trules).
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from records.definitions import types

Json = dict[str, Any]
What = Literal["reference", "uri", "canonical", "narrative"]
URIS = frozenset({"uri", "url", "canonical", "oid", "uuid"})
LINK = re.compile(r"""(?<=\s)((?:href|src)\s*=\s*)("[^"]*"|'[^']*')""")
DEEPEST = 200


@dataclass(frozen=True, slots=True)
class Address:
    """One address: where it lies (``trail``), what holds it, and under which key or index."""

    trail: tuple[str | int, ...]
    holder: Any
    key: str | int
    what: What

    @property
    def value(self) -> str:
        """The text as it is now."""
        return str(self.holder[self.key])

    @property
    def path(self) -> str:
        """The trail in FHIRPath."""
        return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.trail)


def of_resource(body: Json) -> list[Address]:
    """Every address of a resource that may be no valid one; a Bundle within keeps its own."""
    found: list[Address] = []
    _resource(body, (), found)
    return found


def of_values(node: Any, trail: tuple[str | int, ...] = ()) -> Iterator[Address]:
    """Every text of a JSON Patch, whose types nobody knows but that of ``reference``."""
    pairs = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in pairs:
        if isinstance(value, dict | list):
            if len(trail) < DEEPEST:
                yield from of_values(value, (*trail, key))
        elif isinstance(value, str):
            what: What = "reference" if key == "reference" else "uri"
            yield Address((*trail, key), node, key, what)


def links(div: str) -> list[str]:
    """What a narrative refers to."""
    return [found[2][1:-1] for found in LINK.finditer(div)]


def relink(div: str, change: Callable[[str], str | None]) -> str:
    """The narrative with its links changed; None leaves one as it is."""

    def one(found: re.Match[str]) -> str:
        new = change(found[2][1:-1])
        return found[0] if new is None else f"{found[1]}{found[2][0]}{new}{found[2][0]}"

    return LINK.sub(one, div)


def _resource(node: Any, trail: tuple[str | int, ...], found: list[Address]) -> None:
    kind = node.get("resourceType") if isinstance(node, dict) else None
    if isinstance(kind, str) and kind in types() and kind != "Bundle":
        _complex(node, kind, trail, found)


def _complex(node: Json, kind: str, trail: tuple[str | int, ...], found: list[Address]) -> None:
    if len(trail) > DEEPEST:
        return
    elements = types()[kind]
    for key, value in node.items():
        element = elements.get(key)
        if element is not None:
            type_ = element.type
        elif key[:1] == "_":
            type_ = "Element"
        else:
            continue
        if isinstance(value, str):
            if what := _what(kind, key, type_):
                found.append(Address((*trail, key), node, key, what))
        elif isinstance(value, list):
            _list(value, type_, (*trail, key), found)
        elif isinstance(value, dict):
            _inner(value, type_, (*trail, key), found)


def _list(items: list[Any], type_: str, trail: tuple[str | int, ...], found: list[Address]) -> None:
    for place, item in enumerate(items):
        if isinstance(item, dict):
            _inner(item, type_, (*trail, place), found)
        elif isinstance(item, str) and type_ in URIS:
            what: What = "canonical" if type_ == "canonical" else "uri"
            found.append(Address((*trail, place), items, place, what))


def _inner(node: Json, type_: str, trail: tuple[str | int, ...], found: list[Address]) -> None:
    if type_ == "Resource":
        _resource(node, trail, found)
    elif type_ in types():
        _complex(node, type_, trail, found)


def _what(kind: str, key: str, type_: str) -> What | None:
    if type_ in URIS:
        return "canonical" if type_ == "canonical" else "uri"
    if type_ == "xhtml":
        return "narrative"
    return "reference" if key == "reference" and kind == "Reference" else None
