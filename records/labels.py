"""Profiles, tags and security labels of ``meta``: three sets that can be added to and taken from.

A tag or label is its system and code, a profile its address (FHIR R4, resource-operation-meta-add).
"""

from typing import Any

from kernel.errors import Invalid

Json = dict[str, Any]
SETS = ("profile", "security", "tag")


def check(meta: Json, path: str) -> None:
    """Refuse what is no ``meta`` of labels. Raises Invalid naming ``path``."""
    for name in SETS:
        for place, item in enumerate(_items(meta, name, path)):
            good = isinstance(item, str) if name == "profile" else _is_coding(item)
            if not good:
                kind = "an address" if name == "profile" else "a Coding with a code"
                raise Invalid(f"{path}.{name}[{place}]", f"must be {kind}")


def _items(meta: Json, name: str, path: str) -> list[Any]:
    items = meta.get(name, [])
    if not isinstance(items, list):
        raise Invalid(f"{path}.{name}", "must be an array")
    return items


def _is_coding(item: Any) -> bool:
    return isinstance(item, dict) and isinstance(item.get("code"), str)


def added(meta: Json, more: Json) -> Json:
    """``meta`` with the labels of ``more`` that it has not."""
    result = dict(meta)
    for name in SETS:
        kept = list(meta.get(name, []))
        known = {_key(item) for item in kept}
        for item in more.get(name, []):
            if _key(item) not in known:
                known.add(_key(item))
                kept.append(item)
        if kept:
            result[name] = kept
    return result


def removed(meta: Json, less: Json) -> Json:
    """``meta`` without the labels of ``less``."""
    result = dict(meta)
    for name in SETS:
        gone = {_key(item) for item in less.get(name, [])}
        kept = [item for item in meta.get(name, []) if _key(item) not in gone]
        result[name] = kept
    return {key: value for key, value in result.items() if value != []}


def _key(item: Any) -> tuple[str, str]:
    if isinstance(item, str):
        return "", item
    return str(item.get("system", "")), str(item.get("code", ""))
