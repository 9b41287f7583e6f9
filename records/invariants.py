"""Invariants of R4 that the models do not check: one function a rule, its name in the sentence."""

from collections.abc import Callable
from typing import Any

from records.search.values import span

Json = dict[str, Any]
Invariant = Callable[[Json], str]


def _per_1(node: Json) -> str:
    start, end = node.get("start"), node.get("end")
    if not isinstance(start, str) or not isinstance(end, str):
        return ""
    first, last = span(start), span(end)
    return "start is after end (per-1)" if first and last and first[0] >= last[1] else ""


def _obs_6(node: Json) -> str:
    both = "dataAbsentReason" in node and any(key.startswith("value") for key in node)
    return "has a value and a dataAbsentReason (obs-6)" if both else ""


def _obs_7(node: Json) -> str:
    if not any(key.startswith("value") for key in node):
        return ""
    own = _codes(node.get("code"))
    parts = node.get("component") if isinstance(node.get("component"), list) else []
    same = any(own & _codes(part.get("code")) for part in parts or () if isinstance(part, dict))
    return "has a value and a component with its own code (obs-7)" if same else ""


def _codes(concept: Any) -> set[tuple[str, str]]:
    codings = concept.get("coding", []) if isinstance(concept, dict) else []
    return {
        (str(c.get("system", "")), str(c.get("code", ""))) for c in codings if isinstance(c, dict)
    }


def _qty_3(node: Json) -> str:
    return "has a code without a system (qty-3)" if "code" in node and "system" not in node else ""


def _pat_1(node: Json) -> str:
    says = {"name", "telecom", "address", "organization"} & node.keys()
    return "" if says else "a contact needs a name, telecom, address or organization (pat-1)"


def _cpt_2(node: Json) -> str:
    bare = "value" in node and not {"system", "_system"} & node.keys()
    return "has a value without a system (cpt-2)" if bare else ""


def _ext_1(node: Json) -> str:
    values = [key for key in node if key.lstrip("_").startswith("value")]
    if ("extension" in node) == bool(values):
        return "must have either a value or extensions (ext-1)"
    return ""


def _org_1(node: Json) -> str:
    return "" if {"name", "identifier"} & node.keys() else "needs a name or an identifier (org-1)"


def _att_1(node: Json) -> str:
    bare = "data" in node and not {"contentType", "_contentType"} & node.keys()
    return "has data without a contentType (att-1)" if bare else ""


def _ait(node: Json) -> str:
    entered = "entered-in-error" in {code for _, code in _codes(node.get("verificationStatus"))}
    if "clinicalStatus" in node:
        return "entered in error has no clinicalStatus (ait-2)" if entered else ""
    return "" if entered else "needs a clinicalStatus (ait-1)"


def _con(node: Json) -> str:
    codes = {code for _, code in _codes(node.get("verificationStatus"))}
    if "entered-in-error" in codes and "clinicalStatus" in node:
        return "entered in error has no clinicalStatus (con-5)"
    abated = any(key.startswith("abatement") for key in node)
    ended = {code for _, code in _codes(node.get("clinicalStatus"))}
    if abated and ended and not ended & {"inactive", "resolved", "remission"}:
        return "has an abatement while it is active (con-4)"
    return ""


INVARIANTS: dict[str, tuple[Invariant, ...]] = {
    "Period": (_per_1,),
    "Observation": (_obs_6, _obs_7),
    "Quantity": (_qty_3,),
    "Age": (_qty_3,),
    "Duration": (_qty_3,),
    "Patient.contact": (_pat_1,),
    "ContactPoint": (_cpt_2,),
    "Extension": (_ext_1,),
    "Organization": (_org_1,),
    "Attachment": (_att_1,),
    "AllergyIntolerance": (_ait,),
    "Condition": (_con,),
}
