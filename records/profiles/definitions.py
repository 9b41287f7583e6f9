"""The profiles as StructureDefinitions, for whoever wants to read what they ask."""

from typing import Any

from kernel.errors import Missing
from kernel.principal import SYSTEM
from records import store
from records.profiles.table import PROFILES, STANDARD, VERSION, Profile

Json = dict[str, Any]


def definition(profile: Profile) -> Json:
    """The StructureDefinition of a profile, as a differential."""
    return {
        "resourceType": "StructureDefinition",
        "id": f"tongzhen-{profile.name}",
        "url": profile.url,
        "version": VERSION,
        "name": "Tongzhen" + profile.kind,
        "title": profile.title,
        "status": "active",
        "description": profile.description,
        "fhirVersion": "4.0.1",
        "kind": "resource",
        "abstract": False,
        "type": profile.kind,
        "baseDefinition": STANDARD + profile.kind,
        "derivation": "constraint",
        "differential": {"element": _elements(profile)},
    }


def _elements(profile: Profile) -> list[Json]:
    found = {profile.kind: _element(profile.kind) | {"short": profile.title}}
    for rule in profile.rules:
        element = found.setdefault(rule.path, _element(rule.path))
        says = {"key": rule.key, "severity": rule.severity, "human": rule.human}
        element.setdefault("constraint", []).append(says | {"source": profile.url})
    return list(found.values())


def _element(path: str) -> Json:
    return {"id": path, "path": path}


def publish() -> int:
    """Write the definitions that are new or changed; return how many."""
    return sum(_publish(definition(profile)) for profile in PROFILES)


def _publish(wanted: Json) -> bool:
    try:
        kept = store.read("StructureDefinition", wanted["id"], by=SYSTEM).body
    except Missing:
        kept = {}
    if {key: value for key, value in kept.items() if key != "meta"} == wanted:
        return False
    store.update("StructureDefinition", wanted["id"], wanted, by=SYSTEM)
    return True
