"""PUT [type]/[id], and PUT [type]?condition."""

from django.db import transaction
from django.http import HttpResponse

from records import scopes
from records.api import conditional, create, wire
from records.errors import Malformed
from records.writing import Write


def update(exchange: wire.Exchange) -> HttpResponse:
    """The next version, or the first one under the client's id."""
    scopes.check(exchange.by, exchange.kind, "u")
    body = create.sent(exchange)
    if body.get("id") != exchange.id:
        raise Malformed(f"{exchange.kind}.id", "must be the id of the address")
    return create.save(exchange, _write(exchange, exchange.id, body))


def update_matching(exchange: wire.Exchange) -> HttpResponse:
    """The next version of the one resource that fits, or a new one when none does."""
    for letter in "us":
        scopes.check(exchange.by, exchange.kind, letter)
    body = create.sent(exchange)
    with transaction.atomic():
        found = conditional.one(exchange, exchange.query, creates=True)
        own = body.get("id")
        if found is None and not isinstance(own, str):
            return create.new(exchange, body)
        if found is not None and own not in (None, found):
            raise Malformed(f"{exchange.kind}.id", "is not the id of the resource that fits")
        write = _write(exchange, found or str(own), body)
        # What has this id and does not fit is another resource: it is not meant.
        write.only_new = write.only_new or found is None
        return create.save(exchange, write)


def _write(exchange: wire.Exchange, id_: str, body: wire.Json) -> Write:
    version, only_new = wire.if_match(exchange.request), wire.only_new(exchange.request)
    return Write("PUT", exchange.kind, id_, body, if_match=version, only_new=only_new)
