"""DELETE [type]/[id], and DELETE [type]?condition."""

from django.http import HttpResponse

from records import scopes, writing
from records.api import conditional, wire
from records.writing import Write


def delete(exchange: wire.Exchange) -> HttpResponse:
    """Delete one; its history stays."""
    scopes.check(exchange.by, exchange.kind, "d")
    _delete(exchange, exchange.id)
    return HttpResponse(status=204)


def delete_matching(exchange: wire.Exchange) -> HttpResponse:
    """Delete the one resource that fits; none is no error."""
    for letter in "ds":
        scopes.check(exchange.by, exchange.kind, letter)
    found = conditional.one(exchange, exchange.query)
    if found is not None:
        _delete(exchange, found)
    return HttpResponse(status=204)


def _delete(exchange: wire.Exchange, id_: str) -> None:
    version = wire.if_match(exchange.request)
    write = Write("DELETE", exchange.kind, id_, None, if_match=version)
    writing.commit([write], by=exchange.by, door=True)
