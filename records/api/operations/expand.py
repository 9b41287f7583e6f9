"""ValueSet/$expand (FHIR R4, valueset-operation-expand.html): a flat list of codes."""

from datetime import UTC
from typing import Any

from django.http import HttpResponse

from kernel.clock import now
from kernel.ids import new_id
from kernel.principal import Principal
from records import build, reading, scopes, terminology, validate
from records.api import wire
from records.api.operations import parameters
from records.api.operations.row import STANDARD, Operation
from records.errors import Malformed, TooCostly
from records.search.values import fold
from records.terminology import sets
from records.terminology.concepts import Concept
from records.terminology.expansion import Codes
from records.terminology.sets import ValueSet

Json = dict[str, Any]
MOST_AT_ONCE = 10_000
KNOWN = frozenset(
    {
        *("url", "valueSet", "valueSetVersion", "filter", "offset", "count", "activeOnly"),
        *("includeDesignations", "includeDefinition", "displayLanguage", "excludeNested"),
    }
)


def expand(exchange: wire.Exchange) -> HttpResponse:
    """The value set with its expansion."""
    scopes.check(exchange.by, "ValueSet", "r")
    given = parameters.given(exchange, resource="valueSet")
    parameters.check_known(given, KNOWN)
    library = terminology.Library(exchange.by)
    wanted = value_set(exchange, given, library)
    codes = _chosen(terminology.expand(wanted, library), given)
    return wire.answer_json(_resource(wanted, _expansion(codes, given), given))


def value_set(
    exchange: wire.Exchange, given: dict[str, list[Any]], library: terminology.Library
) -> ValueSet:
    """The value set of the address, of ``url``, or sent along. Raises Missing, Malformed."""
    if exchange.id:
        return sets.of_resource(_stored(exchange.id, exchange.by))
    if sent := parameters.element(given, "valueSet"):
        if sent.get("resourceType") != "ValueSet":
            raise Malformed("valueSet", "must be a ValueSet")
        validate.check(sent)
        return sets.of_resource(sent)
    url, version = parameters.text(given, "url"), parameters.text(given, "valueSetVersion")
    if not url:
        raise Malformed("url", "is required")
    return library.need_value_set(f"{url}|{version}" if version else url)


def _stored(id_: str, by: Principal) -> Json:
    return reading.current("ValueSet", id_, by=by).body


def _chosen(codes: Codes, given: dict[str, list[Any]]) -> Codes:
    """Those that ``filter`` and ``activeOnly`` keep."""
    words = fold(parameters.text(given, "filter")).split()
    active = parameters.flag(given, "activeOnly")
    return {
        key: concept
        for key, concept in codes.items()
        if not (active and concept.inactive) and (not words or _fits(concept, words))
    }


def _fits(concept: Concept, words: list[str]) -> bool:
    """True when the code begins with, or the names hold, each of the words."""
    code = fold(concept.code)
    names = " ".join(
        [fold(concept.display), *(fold(str(d.get("value", ""))) for d in concept.designations)]
    )
    return all(code.startswith(word) or word in names for word in words)


def _expansion(codes: Codes, given: dict[str, list[Any]]) -> Json:
    offset, count = parameters.whole(given, "offset") or 0, parameters.whole(given, "count")
    rows = list(codes.items())[offset:]
    if count is None and len(rows) > MOST_AT_ONCE:
        raise TooCostly("count", f"{len(rows)} codes; ask for at most {MOST_AT_ONCE} at once")
    rows = rows[: min(count if count is not None else len(rows), MOST_AT_ONCE)]
    made: Json = {
        "identifier": f"urn:uuid:{new_id()}",
        "timestamp": build.moment(now().astimezone(UTC)),
        "total": len(codes),
        "offset": offset,
        "parameter": _said(given),
        "contains": [_contained(system, concept, given) for (system, _), concept in rows],
    }
    return {key: value for key, value in made.items() if value != []}


def _said(given: dict[str, list[Any]]) -> list[Json]:
    """What shaped the expansion, as it was asked."""
    found: list[Json] = []
    for name in ("filter", "displayLanguage"):
        if value := parameters.text(given, name):
            found.append({"name": name, "valueString": value})
    for name in ("activeOnly", "includeDesignations"):
        if (flag := parameters.flag(given, name)) is not None:
            found.append({"name": name, "valueBoolean": flag})
    for name in ("offset", "count"):
        if (number := parameters.whole(given, name)) is not None:
            found.append({"name": name, "valueInteger": number})
    return found


def _contained(system: str, concept: Concept, given: dict[str, list[Any]]) -> Json:
    designations = concept.designations if parameters.flag(given, "includeDesignations") else ()
    row: Json = {"system": system}
    if concept.abstract:
        row["abstract"] = True
    if concept.inactive:
        row["inactive"] = True
    row |= {
        "code": concept.code,
        "display": concept.said(parameters.text(given, "displayLanguage")),
    }
    return row | ({"designation": list(designations)} if designations else {})


def _resource(wanted: ValueSet, expansion: Json, given: dict[str, list[Any]]) -> Json:
    """The value set; its definition only where it is asked for."""
    if wanted.body is None:
        about: Json = {"url": wanted.url, "version": wanted.version, "name": wanted.name}
        about["status"] = "active"
    else:
        about = {key: value for key, value in wanted.body.items() if key in _ABOUT}
    if parameters.flag(given, "includeDefinition"):
        about["compose"] = wanted.compose
    body = {"resourceType": "ValueSet", **about, "expansion": expansion}
    return {key: value for key, value in body.items() if value != ""}


_ABOUT = ("id", "meta", "url", "identifier", "version", "name", "title", "status", "experimental")
OPERATION = Operation(
    "expand",
    f"{STANDARD}ValueSet-expand",
    frozenset({"type", "instance"}),
    expand,
    frozenset({"ValueSet"}),
)
