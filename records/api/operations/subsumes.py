"""CodeSystem/$subsumes (FHIR R4, codesystem-operation-subsumes.html)."""

from typing import Any

from django.http import HttpResponse

from kernel.errors import Missing
from records import reading, scopes, terminology
from records.api import wire
from records.api.operations import parameters
from records.api.operations.lookup import coded
from records.api.operations.row import STANDARD, Operation
from records.errors import Malformed
from records.terminology import concepts
from records.terminology.concepts import CodeSystem

KNOWN = frozenset({"codeA", "codeB", "system", "version", "codingA", "codingB"})


def subsumes(exchange: wire.Exchange) -> HttpResponse:
    """``outcome``: equivalent, subsumes, subsumed-by or not-subsumed."""
    scopes.check(exchange.by, "CodeSystem", "r")
    given = parameters.given(exchange)
    parameters.check_known(given, KNOWN)
    held = _held(exchange, given)
    first, second = (_code(held, given, letter) for letter in "AB")
    return parameters.answer({"name": "outcome", "valueCode": _outcome(held, first, second)})


def _held(exchange: wire.Exchange, given: dict[str, list[Any]]) -> CodeSystem:
    if exchange.id:
        found = concepts.of_resource(
            reading.current("CodeSystem", exchange.id, by=exchange.by).body
        )
        given.setdefault("system", [found.url])
        return found
    system, _ = coded(given, "codeA", "codingA")
    version = parameters.text(given, "version")
    library = terminology.Library(exchange.by)
    return library.need_code_system(f"{system}|{version}" if version else system)


def _code(held: CodeSystem, given: dict[str, list[Any]], letter: str) -> str:
    system, code = coded(given, f"code{letter}", f"coding{letter}")
    if system != held.url:
        raise Malformed(f"coding{letter}.system", "both codes must be of one code system")
    concept = held.find(code)
    if concept is None:
        raise Missing(f"{held.url[:200]} has no such code here")
    return concept.code


def _outcome(held: CodeSystem, first: str, second: str) -> str:
    if first == second:
        return "equivalent"
    if first in held.above(second):
        return "subsumes"
    return "subsumed-by" if second in held.above(first) else "not-subsumed"


OPERATION = Operation(
    "subsumes",
    f"{STANDARD}CodeSystem-subsumes",
    frozenset({"type", "instance"}),
    subsumes,
    frozenset({"CodeSystem"}),
)
