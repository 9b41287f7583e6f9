"""POST [type], also conditional (If-None-Exist)."""

from django.db import transaction
from django.http import HttpResponse

from kernel.ids import new_id
from records import outcomes, reading, scopes, writing
from records.api import binary, conditional, wire
from records.conditions import Pairs, pairs
from records.search.clauses import IGNORED
from records.stored import Stored
from records.writing import Write


def create(exchange: wire.Exchange) -> HttpResponse:
    """A new resource with an id of ours; what is there already is answered with 200."""
    scopes.check(exchange.by, exchange.kind, "c")
    body = sent(exchange)
    criteria = _criteria(exchange)
    if criteria is None:
        return new(exchange, body)
    scopes.check(exchange.by, exchange.kind, "s")
    with transaction.atomic():
        found = conditional.one(exchange, criteria, creates=True)
        if found is None:
            return new(exchange, body)
        return wrote(exchange, reading.current(exchange.kind, found, by=exchange.by), 200)


def _criteria(exchange: wire.Exchange) -> Pairs | None:
    """What must not be there yet; some clients say it in the address instead of If-None-Exist."""
    condition = exchange.request.headers.get("If-None-Exist")
    if condition is not None:
        return pairs(condition, exchange.kind)
    return [pair for pair in exchange.query if pair[0] not in IGNORED] or None


def sent(exchange: wire.Exchange) -> wire.Json:
    """The resource that was sent; a Binary may come as its mere content."""
    return binary.sent(exchange) if exchange.kind == "Binary" else wire.resource(exchange)


def new(exchange: wire.Exchange, body: wire.Json) -> HttpResponse:
    """Write ``body`` under a fresh id."""
    write = Write("POST", exchange.kind, new_id(), body, fresh=True)
    return save(exchange, write)


def save(exchange: wire.Exchange, write: Write) -> HttpResponse:
    """Carry out a write and answer it: 201 when it created, else 200."""
    writing.commit([write], by=exchange.by, door=True)
    stored = Stored(write.kind, write.id, write.version, write.updated_ms, write.text)
    return wrote(exchange, stored, 201 if write.created else 200)


def wrote(exchange: wire.Exchange, stored: Stored, status: int) -> HttpResponse:
    """The answer to a write, as long as ``Prefer: return`` wants it."""
    wish = exchange.prefers("return")
    if wish == "minimal":
        response = HttpResponse(status=status)
    elif wish == "OperationOutcome":
        response = wire.answer_json(outcomes.DONE, status)
    else:
        response = wire.answer(stored.text, status)
    response["Location"] = f"{exchange.base}/{stored.reference}/_history/{stored.version}"
    return wire.stamp(response, stored)
