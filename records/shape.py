"""What R4 demands and ``fhir.resources`` does not check: one walk over the tables of the standard.

Structure (unknown elements, empty and null values, arrays where there is one), JSON types without
coercion, required codes, reference targets, narrative, contained resources, and the invariants
that matter to the journey. Yields every issue with its path.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from records.definitions import Element, types
from records.invariants import INVARIANTS
from records.narrative import narrative_fault

Json = dict[str, Any]
DEEPEST = 70
LONGEST = 1024 * 1024
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
TARGET = re.compile(r"(?:^|/)([A-Z][A-Za-z]+)/[A-Za-z0-9.-]{1,64}(?:/_history/[^/]+)?$")
WHOLE = frozenset({"integer", "positiveInt", "unsignedInt"})
FORMATS = {
    "base64Binary": re.compile(r"[A-Za-z0-9+/\s]*={0,2}\s*"),
    "uri": re.compile(r"\S+"),
    "url": re.compile(r"\S+"),
    "canonical": re.compile(r"\S+"),
    "id": re.compile(r"[A-Za-z0-9.-]{1,64}"),
}


@dataclass(frozen=True, slots=True)
class Issue:
    """One wrong place. ``fatal`` ones make further looking pointless."""

    path: str
    says: str
    fatal: bool = False


def issues_of(body: Json, root: str) -> list[Issue]:
    """Every issue of a resource."""
    return list(_resource(body, root, 0, body))


def _resource(node: Any, path: str, depth: int, owner: Json) -> Iterator[Issue]:
    kind = node.get("resourceType") if isinstance(node, dict) else None
    if not isinstance(kind, str):
        yield Issue(f"{path}.resourceType", "is required", fatal=True)
    elif kind not in types() or "." in kind or "meta" not in types()[kind]:
        yield Issue(f"{path}.resourceType", "no such type in FHIR R4", fatal=True)
    else:
        yield from _complex(node, kind, path, depth, owner)


def _complex(node: Json, kind: str, path: str, depth: int, owner: Json) -> Iterator[Issue]:
    """``owner`` is the resource whose ``contained`` a ``#`` reference means."""
    if depth > DEEPEST:
        yield Issue(path, "nested too deeply", fatal=True)
        return
    elements = types()[kind]
    for key, value in node.items():
        element = elements.get(key)
        if element is not None:
            yield from _element(node, key, value, element, f"{path}.{key}", depth, owner)
        elif key[:1] == "_" and key[1:] in elements:
            yield from _sibling(node, key, value, elements[key[1:]], f"{path}.{key}", depth)
        elif key != "resourceType" or "meta" not in elements:
            yield Issue(f"{path}.{key}", "is not an element of this type")
    if kind == "Reference":
        yield from _local(node, path, owner)
    for invariant in INVARIANTS.get(kind, ()):
        if says := invariant(node):
            yield Issue(path, says)


def _element(
    node: Json, key: str, value: Any, element: Element, path: str, depth: int, owner: Json
) -> Iterator[Issue]:
    if not element.many:
        if isinstance(value, list):
            yield Issue(path, "must not be an array")
        else:
            yield from _one(value, element, path, depth, owner)
        return
    if not isinstance(value, list):
        yield Issue(path, "must be an array")
        return
    if not value:
        yield Issue(path, "must not be an empty array")
    for place, item in enumerate(value):
        if item is None and _has_sibling(node, key, place):
            continue
        if key == "contained":
            yield from _contained(item, f"{path}[{place}]", depth)
        else:
            yield from _one(item, element, f"{path}[{place}]", depth, owner)


def _has_sibling(node: Json, key: str, place: int) -> bool:
    beside = node.get("_" + key)
    return isinstance(beside, list) and len(beside) > place and bool(beside[place])


def _sibling(
    node: Json, key: str, value: Any, element: Element, path: str, depth: int
) -> Iterator[Issue]:
    """Extensions of a primitive live beside it under ``_name``."""
    if element.type in types() or element.type == "Resource":
        yield Issue(path, "is not an element of this type")
        return
    items = value if element.many else [value]
    if not isinstance(items, list) or not items:
        yield Issue(path, "must be an array")
        return
    for place, item in enumerate(items):
        where = f"{path}[{place}]" if element.many else path
        if item is None and element.many and _has_value(node, key[1:], place):
            continue
        if not isinstance(item, dict) or not item:
            yield Issue(where, "must be an object that is not empty")
        else:
            yield from _complex(item, "Element", where, depth + 1, {})


def _has_value(node: Json, key: str, place: int) -> bool:
    beside = node.get(key)
    return isinstance(beside, list) and len(beside) > place and beside[place] is not None


def _one(value: Any, element: Element, path: str, depth: int, owner: Json) -> Iterator[Issue]:
    if value is None:
        yield Issue(path, "must not be null")
    elif element.type == "Resource":
        yield from _resource(value, path, depth + 1, value if isinstance(value, dict) else {})
    elif element.type in types():
        if not isinstance(value, dict):
            yield Issue(path, "must be an object", fatal=True)
        elif not value:
            yield Issue(path, "must not be an empty object")
        else:
            yield from _complex(value, element.type, path, depth + 1, owner)
            yield from _bound(value, element, path)
    elif says := _primitive(value, element):
        yield Issue(path, says)


def _primitive(value: Any, element: Element) -> str:
    kind = element.type
    if kind == "boolean":
        return "" if isinstance(value, bool) else "must be true or false"
    if kind in WHOLE:
        whole = isinstance(value, int) and not isinstance(value, bool)
        return "" if whole else "must be a whole number"
    if kind == "decimal":
        good = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
        return "" if good else "must be a number"
    if not isinstance(value, str):
        return "must be a string"
    return _text(value, element)


def _text(value: str, element: Element) -> str:
    kind = element.type
    if not value.strip():
        return "must not be empty"
    if kind != "base64Binary" and (len(value) > LONGEST or CONTROL.search(value)):
        return "is longer than 1 MB" if len(value) > LONGEST else "holds a control character"
    if element.codes is not None and value not in element.codes:
        return "is not a code of the required value set"
    if kind in FORMATS and not FORMATS[kind].fullmatch(value):
        return f"is not a valid {kind}"
    if kind == "base64Binary" and sum(not c.isspace() for c in value) % 4:
        return "is not valid base64"
    return narrative_fault(value) if kind == "xhtml" else ""


def _bound(value: Json, element: Element, path: str) -> Iterator[Issue]:
    """Required codes of coded elements, and the types that a reference may name."""
    if element.codes is not None:
        codings = value.get("coding", []) if element.type == "CodeableConcept" else [value]
        for place, coding in enumerate(codings):
            if isinstance(coding, dict) and coding.get("code") not in element.codes:
                where = f"{path}.coding[{place}]" if codings is not value else path
                yield Issue(f"{where}.code", "is not a code of the required value set")
    elif element.targets is not None and isinstance(value.get("reference"), str):
        target = TARGET.search(value["reference"])
        if target and not value["reference"].startswith("#") and target[1] not in element.targets:
            yield Issue(f"{path}.reference", f"may not refer to a {target[1]}")


def _contained(item: Any, path: str, depth: int) -> Iterator[Issue]:
    if not isinstance(item, dict):
        yield Issue(path, "must be an object", fatal=True)
        return
    if "contained" in item:
        yield Issue(f"{path}.contained", "contained resources contain none (dom-2)")
    if not item.get("id"):
        yield Issue(f"{path}.id", "a contained resource needs an id")
    if {"versionId", "lastUpdated"} & set(item.get("meta") or ()):
        yield Issue(f"{path}.meta", "a contained resource has no version (dom-4)")
    # A contained resource may refer to its neighbours: they are looked up by who holds it.
    yield from _resource(item, path, depth + 1, {"contained": ANYTHING})


ANYTHING: list[Json] = []


def _local(node: Json, path: str, owner: Json) -> Iterator[Issue]:
    target = node.get("reference")
    if not isinstance(target, str) or not target.startswith("#") or target == "#":
        return
    held = owner.get("contained")
    if held is ANYTHING:
        return
    ids = {item.get("id") for item in held or () if isinstance(item, dict)}
    if target[1:] not in ids:
        yield Issue(f"{path}.reference", "refers to nothing in contained (ref-1)")
