"""POST [type], also conditional (If-None-Exist)."""

from urllib.parse import parse_qsl

from django.http import HttpResponse

from kernel.errors import Conflict
from kernel.ids import new_id
from records import outcomes, reading, scopes, writing
from records.api import wire
from records.search.query import matching
from records.stored import Stored
from records.writing import Write


def create(exchange: wire.Exchange) -> HttpResponse:
    """A new resource with an id of ours; what is there already is answered with 200."""
    scopes.check(exchange.by, exchange.kind, "c")
    body = wire.resource(exchange)
    if condition := exchange.request.headers.get("If-None-Exist"):
        scopes.check(exchange.by, exchange.kind, "s")
        query = parse_qsl(condition.lstrip("?").removeprefix(f"{exchange.kind}?"))
        found = matching(exchange.kind, query, by=exchange.by)
        if len(found) > 1:
            raise Conflict("several resources fit If-None-Exist")
        if found:
            return wrote(exchange, reading.current(exchange.kind, found[0], by=exchange.by), 200)
    return new(exchange, body)


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
        done = outcomes.issue("informational", "done", severity="information")
        response = wire.answer_json(outcomes.outcome(done), status)
    else:
        response = wire.answer(stored.text, status)
    response["Location"] = f"{exchange.base}/{stored.reference}/_history/{stored.version}"
    return wire.stamp(response, stored)
