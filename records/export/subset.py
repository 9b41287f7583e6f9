"""``_elements``: the part of a resource that was asked for (FHIR R4, search.html, "elements")."""

from collections.abc import Sequence
from typing import Any

from records import jsontext
from records.definitions import types

ALWAYS = frozenset({"resourceType", "id", "meta"})
TAG = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}


def subset(kind: str, text: str, elements: Sequence[str]) -> str:
    """The resource with ``elements`` (``name`` or ``Type.name``) alone, marked as a part.

    A type that no element speaks of stays whole.
    """
    wanted = {name for one, name in map(_parts, elements) if one in ("", kind)}
    if not wanted:
        return text
    body = jsontext.load_object(text)
    kept = {key: value for key, value in body.items() if _is_wanted(kind, key, wanted)}
    meta = dict(kept.get("meta", {}))
    meta["tag"] = [*meta.get("tag", []), TAG]
    return jsontext.dumps(kept | {"meta": meta})


def _parts(element: str) -> tuple[str, str]:
    kind, dot, name = element.partition(".")
    return (kind, name) if dot else ("", kind)


def _is_wanted(kind: str, key: str, wanted: set[str]) -> bool:
    """``_birthDate`` goes with ``birthDate``, ``valueQuantity`` with ``value``."""
    name = key.removeprefix("_")
    return name in ALWAYS or name in wanted or _choice_of(kind, name) in wanted


def _choice_of(kind: str, name: str) -> Any:
    """The name of a choice (``value[x]``) without its type, None for other elements."""
    element = types()[kind].get(name)
    if element is None:
        return None
    tail = element.type[:1].upper() + element.type[1:]
    return name.removesuffix(tail) if name.endswith(tail) else None
