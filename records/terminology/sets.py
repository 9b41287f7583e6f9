"""Value sets: what they are made of. Pure."""

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ValueSet:
    """A value set; ``compose`` is that of FHIR. ``body`` is the resource, where there is one."""

    url: str
    version: str
    name: str
    compose: Json
    body: Json | None = None


def of_resource(body: Json) -> ValueSet:
    """A ValueSet resource, understood; one with an expansion alone lists what that lists."""
    compose = body.get("compose") or {"include": _listed(body.get("expansion", {}))}
    return ValueSet(
        str(body.get("url", "")),
        str(body.get("version", "")),
        str(body.get("title") or body.get("name") or body.get("url", "")),
        compose,
        body,
    )


def _listed(node: Json) -> list[Json]:
    """One include for each code of an expansion, nested ones too."""
    found: list[Json] = []
    for item in node.get("contains", ()):
        if "system" in item and "code" in item and not item.get("abstract"):
            concept = {key: item[key] for key in ("code", "display") if key in item}
            found.append({"system": item["system"], "concept": [concept]})
        found += _listed(item)
    return found
