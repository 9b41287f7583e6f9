"""CodeSystem/$lookup (FHIR R4, codesystem-operation-lookup.html)."""

from typing import Any

from django.http import HttpResponse

from kernel.errors import Missing
from records import scopes, terminology
from records.api import wire
from records.api.operations import parameters
from records.api.operations.row import STANDARD, Operation
from records.errors import Malformed
from records.terminology.concepts import CodeSystem, Concept

Json = dict[str, Any]
KNOWN = frozenset({"code", "system", "version", "coding", "displayLanguage", "property"})


def lookup(exchange: wire.Exchange) -> HttpResponse:
    """What is known of one code."""
    scopes.check(exchange.by, "CodeSystem", "r")
    given = parameters.given(exchange)
    parameters.check_known(given, KNOWN)
    system, code = coded(given, "code", "coding")
    version = parameters.text(given, "version")
    held = terminology.Library(exchange.by).need_code_system(
        f"{system}|{version}" if version else system
    )
    concept = held.find(code)
    if concept is None:
        raise Missing(f"{system[:200]} has no such code here")
    return parameters.answer(*_said(held, concept, given))


def coded(given: dict[str, list[Any]], code: str, coding: str) -> tuple[str, str]:
    """System and code, given as two parameters or as a Coding. Raises Malformed."""
    whole = parameters.element(given, coding) or {}
    own = whole.get("code") or parameters.text(given, code)
    system = whole.get("system") or parameters.text(given, "system")
    for name, value in (("system", system), (code, own)):
        if not isinstance(value, str) or not value:
            raise Malformed(name, "is required")
    return system, own


def _said(held: CodeSystem, concept: Concept, given: dict[str, list[Any]]) -> list[Json]:
    display = concept.said(parameters.text(given, "displayLanguage"))
    said: list[Json] = [{"name": "name", "valueString": held.name}]
    if held.version:
        said.append({"name": "version", "valueString": held.version})
    said.append({"name": "display", "valueString": display})
    wanted = {str(name) for name in given.get("property", [])}
    if not wanted or "designation" in wanted:
        said += [_designation(item) for item in concept.designations]
    rows = [row for row in _properties(held, concept) if not wanted or row[0] in wanted]
    return said + [_property(*row) for row in rows]


def _properties(held: CodeSystem, concept: Concept) -> list[tuple[str, Json]]:
    """Code and value of each property, those of the hierarchy first."""
    found: list[tuple[str, Json]] = []
    if concept.definition:
        found.append(("definition", {"valueString": concept.definition}))
    found.append(("inactive", {"valueBoolean": concept.inactive}))
    found += [("parent", {"valueCode": code}) for code in concept.parents]
    found += [("child", {"valueCode": code}) for code in held.children(concept.code)]
    for item in concept.properties:
        if item["code"] not in ("parent", "child", "inactive"):
            value = {key: item[key] for key in item if key.startswith("value")}
            found.append((item["code"], value))
    return found


def _property(code: str, value: Json) -> Json:
    return {
        "name": "property",
        "part": [{"name": "code", "valueCode": code}, {"name": "value", **value}],
    }


def _designation(item: Json) -> Json:
    kinds = {"language": "valueCode", "use": "valueCoding", "value": "valueString"}
    parts = [{"name": key, kinds[key]: item[key]} for key in kinds if key in item]
    return {"name": "designation", "part": parts}


OPERATION = Operation(
    "lookup",
    f"{STANDARD}CodeSystem-lookup",
    frozenset({"type"}),
    lookup,
    frozenset({"CodeSystem"}),
)
