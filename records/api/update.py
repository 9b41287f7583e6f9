"""PUT [type]/[id], and PUT [type]?condition."""

from django.http import HttpResponse

from kernel.errors import Conflict
from records import scopes
from records.api import create, wire
from records.errors import Malformed
from records.search.query import matching
from records.writing import Write


def update(exchange: wire.Exchange) -> HttpResponse:
    """The next version, or the first one under the client's id."""
    scopes.check(exchange.by, exchange.kind, "u")
    body = wire.resource(exchange)
    if body.get("id") != exchange.id:
        raise Malformed(f"{exchange.kind}.id", "must be the id of the address")
    return create.save(exchange, _write(exchange, exchange.id, body))


def update_matching(exchange: wire.Exchange) -> HttpResponse:
    """The next version of the one resource that fits, or a new one when none does."""
    for letter in "us":
        scopes.check(exchange.by, exchange.kind, letter)
    body = wire.resource(exchange)
    found = matching(exchange.kind, exchange.query, by=exchange.by)
    if len(found) > 1:
        raise Conflict("several resources fit the condition")
    own = body.get("id")
    if not found and not isinstance(own, str):
        return create.new(exchange, body)
    if found and own not in (None, found[0]):
        raise Malformed(f"{exchange.kind}.id", "is not the id of the resource that fits")
    return create.save(exchange, _write(exchange, found[0] if found else str(own), body))


def _write(exchange: wire.Exchange, id_: str, body: wire.Json) -> Write:
    version = wire.if_match(exchange.request)
    return Write("PUT", exchange.kind, id_, body, if_match=version)
