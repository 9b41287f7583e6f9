"""POST [base]: batch and transaction."""

from datetime import datetime
from email.utils import parsedate_to_datetime
from urllib.parse import unquote

import orjson
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.http import http_date

from kernel.errors import Invalid
from records import bundles, outcomes
from records.api import wire
from records.bundles.entries import Entry
from records.errors import Unsupported


def carry_out(exchange: wire.Exchange) -> HttpResponse:
    """Carry out a Bundle; ``Prefer: return=representation`` puts the resources into the answer."""
    door = bundles.Door(
        exchange.by,
        rest=True,
        base=exchange.base,
        wish=exchange.prefers("return"),
        read=lambda entry: _read(entry, exchange),
    )
    return wire.answer_json(bundles.carry_out(wire.body(exchange.request), door))


def _read(entry: Entry, exchange: wire.Exchange) -> wire.Json:
    """Carry out a GET or HEAD as if it had come alone."""
    if exchange.again is None:
        raise Unsupported("a Bundle within a Bundle is not carried out")
    address, _, query = entry.url.partition("?")
    inner = wire.Exchange(_request(entry, query, exchange), exchange.by, exchange.base)
    response = exchange.again(inner, unquote(address).strip("/"))
    if not isinstance(response, HttpResponse):
        raise Unsupported("a file is not read in a Bundle")
    found: wire.Json = {"response": {"status": outcomes.line(response.status_code)}}
    if etag := response.get("ETag"):
        found["response"]["etag"] = etag
    if moment := response.get("Last-Modified"):
        instant = parsedate_to_datetime(moment).isoformat()
        found["response"]["lastModified"] = instant.replace("+00:00", "Z")
    if response.content and entry.method == "GET":
        found = {"resource": orjson.Fragment(response.content), **found}
    return found


def _request(entry: Entry, query: str, exchange: wire.Exchange) -> HttpRequest:
    request = HttpRequest()
    request.method = entry.method
    request.GET = QueryDict(query)
    request.META = {"HTTP_ACCEPT": wire.FHIR_JSON}
    if wish := exchange.request.headers.get("Prefer"):
        request.META["HTTP_PREFER"] = wish
    if said := entry.request.get("ifNoneMatch"):
        request.META["HTTP_IF_NONE_MATCH"] = str(said)
    if said := entry.request.get("ifModifiedSince"):
        request.META["HTTP_IF_MODIFIED_SINCE"] = _date(str(said), entry)
    return request


def _date(instant: str, entry: Entry) -> str:
    try:
        return http_date(datetime.fromisoformat(instant).timestamp())
    except ValueError:
        raise Invalid(f"{entry.path}.request.ifModifiedSince", "must be an instant") from None
