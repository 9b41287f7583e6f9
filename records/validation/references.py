"""References and contained resources: what points where, and whether that is there."""

import re
from typing import Any

from records.definitions import types
from records.validation.issues import Fault

Json = dict[str, Any]
LITERAL = re.compile(r"(?:(.*)/)?([A-Z][A-Za-z]+)/[A-Za-z0-9.-]{1,64}(?:/_history/[^/]+)?")
SPACE = re.compile(r"\s")


def reference_faults(
    node: Json, targets: frozenset[str] | None, held: dict[str, Any]
) -> list[Fault]:
    """What is wrong with a Reference that may name ``targets`` (None: any type).

    ``held`` are the contained resources around it by id.
    """
    said = str(node.get("type", ""))
    literal = str(node.get("reference", ""))
    if literal[:1] == "#":
        return _local_faults(literal, targets, held)
    kind, says = _literal(literal) if literal else ("", "")
    if not says and targets is not None and _barred(kind, targets):
        says = f"may not refer to a {kind}"
    if says:
        return [Fault(["reference"], says, "value")]
    if kind and said in types() and said != kind:
        return [Fault(["type"], f"is not the type that is referred to, {kind}", "value")]
    if targets is not None and not literal and _barred(said, targets):
        return [Fault(["type"], f"may not refer to a {said}", "value")]
    return []


def _literal(literal: str) -> tuple[str, str]:
    """(the type that an address names, if any; what is wrong with the address)."""
    found = LITERAL.fullmatch(literal)
    if found is None:
        odd = SPACE.search(literal) or ("?" in literal and ":" not in literal)
        return "", "is not an address, Type/id or #id" if odd else ""
    base, kind = found.groups()
    known = "meta" in types().get(kind, {})
    # Another server's address may look like this without being FHIR's.
    if not known:
        return "", "" if base else f"there is no type {kind} in FHIR R4"
    return kind, ""


def _barred(said: str, targets: frozenset[str]) -> bool:
    return "meta" in types().get(said, {}) and said not in targets


def _local_faults(literal: str, targets: frozenset[str] | None, held: Json) -> list[Fault]:
    if literal == "#":
        return []
    if literal[1:] not in held:
        return [Fault(["reference"], "refers to nothing in contained (ref-1)", "invariant")]
    kind = held[literal[1:]].get("resourceType")
    if targets is not None and isinstance(kind, str) and _barred(kind, targets):
        return [Fault(["reference"], f"may not refer to a {kind}", "value")]
    return []


def held_by(owner: Json) -> Json:
    """The contained resources of a resource by id."""
    contained = owner.get("contained")
    items = contained if isinstance(contained, list) else []
    return {str(item.get("id")): item for item in items if isinstance(item, dict)}


def contained_faults(item: Json) -> list[Fault]:
    """What a contained resource may not have, or must."""
    found: list[Fault] = []
    if "contained" in item:
        found.append(Fault(["contained"], "contained resources contain none (dom-2)", "invariant"))
    if not item.get("id"):
        found.append(Fault(["id"], "a contained resource needs an id", "required"))
    meta = item.get("meta")
    if isinstance(meta, dict):
        for name in ("versionId", "lastUpdated"):
            if name in meta:
                says = "a contained resource has no version (dom-4)"
                found.append(Fault([name, "meta"], says, "invariant"))
        if "security" in meta:
            says = "a contained resource has no security labels (dom-5)"
            found.append(Fault(["security", "meta"], says, "invariant"))
    return found


def unused(owner: Json, pointed: set[str]) -> list[Fault]:
    """Contained resources that nothing points to and that point to nobody (dom-3).

    ``pointed`` are the local references of the whole resource (``#id``), and ``id>`` for each
    contained resource that refers to its container.
    """
    says = "nothing refers to this contained resource (dom-3)"
    return [
        Fault([place, "contained"], says, "invariant")
        for place, item in enumerate(owner["contained"])
        if isinstance(item, dict)
        and f"#{item.get('id')}" not in pointed
        and f"{item.get('id')}>" not in pointed
    ]
