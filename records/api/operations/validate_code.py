"""ValueSet/$validate-code and CodeSystem/$validate-code (FHIR R4)."""

from typing import Any

from django.http import HttpResponse

from records import reading, scopes, terminology
from records.api import wire
from records.api.operations import parameters
from records.api.operations.expand import value_set
from records.api.operations.row import STANDARD, Operation
from records.errors import Malformed, Unsupported
from records.terminology import checking, concepts
from records.terminology.concepts import CodeSystem

Json = dict[str, Any]
CODE = ("code", "display", "coding", "codeableConcept")
SET = ("url", "valueSet", "valueSetVersion", "system", "abstract")
KNOWN = {"ValueSet": {*CODE, *SET}, "CodeSystem": {*CODE, "url", "version"}}


def validate_code(exchange: wire.Exchange) -> HttpResponse:
    """``result``, ``message`` and ``display``."""
    scopes.check(exchange.by, exchange.kind, "r")
    given = parameters.given(exchange, resource="valueSet")
    parameters.check_known(given, KNOWN[exchange.kind])
    library = terminology.Library(exchange.by)
    if exchange.kind == "ValueSet":
        wanted = value_set(exchange, given, library)
        name = wanted.url or wanted.name
        codes: checking.Codes = terminology.expand(wanted, library)
        system, abstract = parameters.text(given, "system"), parameters.flag(given, "abstract")
    else:
        held = _code_system(exchange, given, library)
        name, codes, system, abstract = held.url, checking.of_system(held), held.url, True
    verdict = checking.check(_codings(given, system), codes, abstract=bool(abstract), name=name)
    said: list[Json] = [{"name": "result", "valueBoolean": verdict.result}]
    if verdict.message:
        said.append({"name": "message", "valueString": verdict.message})
    if verdict.display:
        said.append({"name": "display", "valueString": verdict.display})
    return parameters.answer(*said)


def _code_system(
    exchange: wire.Exchange, given: dict[str, list[Any]], library: terminology.Library
) -> CodeSystem:
    if exchange.id:
        found = concepts.of_resource(
            reading.current("CodeSystem", exchange.id, by=exchange.by).body
        )
    else:
        url, version = parameters.text(given, "url"), parameters.text(given, "version")
        if not url:
            raise Malformed("url", "is required")
        found = library.need_code_system(f"{url}|{version}" if version else url)
    if not found.complete:
        # A code that is not here may well be one: nothing can be said.
        raise Unsupported("of this code system not every code is held here", status=422)
    return found


def _codings(given: dict[str, list[Any]], system: str) -> list[Json]:
    """The coding that is asked about, or those of the concept. Raises Malformed."""
    code = parameters.text(given, "code")
    coding = parameters.element(given, "coding")
    concept = parameters.element(given, "codeableConcept")
    if sum(part is not None for part in (code or None, coding, concept)) != 1:
        raise Malformed("code", "one of code, coding and codeableConcept is required")
    if code:
        display = parameters.text(given, "display")
        found: list[Any] = [{"system": system, "code": code, "display": display}]
    else:
        found = [coding] if coding else (concept or {}).get("coding", [])
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise Malformed("codeableConcept.coding", "must be an array of codings")
    if not all(isinstance(item.get(key, ""), str) for item in found for key in _TEXTS):
        raise Malformed("coding", "system, code and display must be strings")
    return found


_TEXTS = ("system", "code", "display")
OPERATIONS = tuple(
    Operation(
        "validate-code",
        f"{STANDARD}{kind}-validate-code",
        frozenset({"type", "instance"}),
        validate_code,
        frozenset({kind}),
    )
    for kind in ("ValueSet", "CodeSystem")
)
