"""DELETE [type]/[id], and DELETE [type]?condition."""

from django.http import HttpResponse

from records import outcomes, scopes, writing
from records.api import conditional, wire
from records.writing import Write


def delete(exchange: wire.Exchange) -> HttpResponse:
    """Delete one; its history stays."""
    scopes.check(exchange.by, exchange.kind, "d")
    return _delete(exchange, exchange.id)


def delete_matching(exchange: wire.Exchange) -> HttpResponse:
    """Delete the one resource that fits; none is no error."""
    for letter in "ds":
        scopes.check(exchange.by, exchange.kind, letter)
    found = conditional.one(exchange, exchange.query)
    return _delete(exchange, found) if found is not None else _done(exchange)


def _delete(exchange: wire.Exchange, id_: str) -> HttpResponse:
    version = wire.if_match(exchange.request)
    write = Write("DELETE", exchange.kind, id_, None, if_match=version)
    writing.commit([write], by=exchange.by, door=True)
    response = _done(exchange)
    if write.version:
        response["ETag"] = f'W/"{write.version}"'
    return response


def _done(exchange: wire.Exchange) -> HttpResponse:
    if exchange.prefers("return") == "OperationOutcome":
        return wire.answer_json(outcomes.DONE)
    return HttpResponse(status=204)
