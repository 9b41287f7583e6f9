"""GET AuditEvent…: for auditors and patients, the trail of accesses as FHIR."""

from collections.abc import Callable, Mapping
from urllib.parse import urlencode

from django.http import HttpResponse

from kernel.errors import Missing
from records import audit
from records.api import wire
from records.audit import asking
from records.audit.rendering import audit_event
from records.models import AuditRow

Handler = Callable[[wire.Exchange], HttpResponse]


def at(shape: str, exchange: wire.Exchange) -> Mapping[str, Handler] | None:
    """What reads at an address of ``AuditEvent`` do for whom that is the trail; None elsewhere."""
    if exchange.kind != "AuditEvent" or not asking.may_ask(exchange.by):
        return None
    return _ROUTES.get(shape)


def _search(exchange: wire.Exchange) -> HttpResponse:
    return _answer(exchange, exchange.query)


def _search_posted(exchange: wire.Exchange) -> HttpResponse:
    return _answer(exchange, exchange.query + wire.pairs(exchange.request.POST))


def _answer(exchange: wire.Exchange, query: list[tuple[str, str]]) -> HttpResponse:
    page, question = asking.ask(query, by=exchange.by)
    audit.count(len(page.rows))
    own = f"{exchange.base}/AuditEvent"
    links = [{"relation": "self", "url": _url(own, question.used)}]
    if page.next:
        url = _url(own, [*question.used, ("_cursor", page.next)])
        links.append({"relation": "next", "url": url})
    bundle: wire.Json = {"resourceType": "Bundle", "type": "searchset"}
    if page.total is not None:
        bundle["total"] = page.total
    bundle["link"] = links
    if page.rows:
        bundle["entry"] = [_entry(own, row) for row in page.rows]
    return wire.answer_json(bundle)


def _url(own: str, pairs: list[tuple[str, str]]) -> str:
    return f"{own}?{urlencode(pairs)}" if pairs else own


def _entry(own: str, row: AuditRow) -> wire.Json:
    event = audit_event(row)
    match = {"mode": "match"}
    return {"fullUrl": f"{own}/{event['id']}", "resource": event, "search": match}


def _read(exchange: wire.Exchange) -> HttpResponse:
    response = wire.answer_json(audit_event(asking.one(exchange.id, by=exchange.by)))
    response["ETag"] = 'W/"1"'
    return response


def _read_version(exchange: wire.Exchange) -> HttpResponse:
    if exchange.version != "1":
        raise Missing("no such version of this AuditEvent")
    return _read(exchange)


_ROUTES: dict[str, dict[str, Handler]] = {
    "K": {"GET": _search},
    "K/_search": {"POST": _search_posted},
    "K/I": {"GET": _read},
    "K/I/_history/V": {"GET": _read_version},
}
