"""PATCH [type]/[id], and PATCH [type]?condition."""

from django.http import HttpRequest, HttpResponse

from kernel.errors import Missing
from records import jsontext, scopes
from records.api import conditional, create, wire
from records.patches import JSON_PATCH, Patch, fhirpath_patch, json_patch
from records.writing import Write


def patch(exchange: wire.Exchange) -> HttpResponse:
    """Change some places of one resource: the next version."""
    scopes.check(exchange.by, exchange.kind, "u")
    return _patch(exchange, exchange.id)


def patch_matching(exchange: wire.Exchange) -> HttpResponse:
    """The same of the one resource that fits."""
    for letter in "us":
        scopes.check(exchange.by, exchange.kind, letter)
    found = conditional.one(exchange, exchange.query)
    if found is None:
        raise Missing(f"no {exchange.kind} fits the condition")
    return _patch(exchange, found)


def _patch(exchange: wire.Exchange, id_: str) -> HttpResponse:
    wanted = _understand(exchange.request)
    version = wire.if_match(exchange.request)
    write = Write("PUT", exchange.kind, id_, None, if_match=version, patch=wanted)
    return create.save(exchange, write)


def _understand(request: HttpRequest) -> Patch:
    if wire.check_content(request, frozenset({JSON_PATCH, wire.FHIR_JSON})) == JSON_PATCH:
        return json_patch.parse(request.body)
    return fhirpath_patch.parse(jsontext.load_object(request.body))
