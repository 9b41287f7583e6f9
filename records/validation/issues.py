"""One wrong place, in the words of an OperationOutcome."""

from dataclasses import dataclass
from typing import Any

from records.definitions import element_name, types

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Issue:
    """``path`` spells the JSON (``Observation.valueQuantity.code``), ``expression`` the same place
    in FHIRPath (``Observation.value.code``); ``code`` is of HL7's ``issue-type``.
    """

    path: str
    says: str
    code: str = "invalid"
    severity: str = "error"
    expression: str = ""


@dataclass(slots=True)
class Fault:
    """An issue in the making: ``places`` from the innermost outwards, as the walk comes back."""

    places: list[str | int]
    says: str
    code: str
    severity: str = "error"


def issue(fault: Fault, body: Json, root: str) -> Issue:
    """What a fault in ``body`` says, with paths that begin with ``root``."""
    path = expression = root
    node: Any = body
    kind = ""
    for place in reversed(fault.places):
        if isinstance(place, int):
            path, expression = f"{path}[{place}]", f"{expression}[{place}]"
            node = node[place] if isinstance(node, list) and place < len(node) else None
            continue
        if isinstance(node, dict) and "resourceType" in node:
            kind = str(node["resourceType"])
        path, expression = f"{path}.{place}", f"{expression}.{element_name(kind, place)}"
        element = types().get(kind, {}).get(place)
        kind = element.type if element else "Element"
        node = node.get(place) if isinstance(node, dict) else None
    return Issue(path, fault.says, fault.code, fault.severity, expression)
