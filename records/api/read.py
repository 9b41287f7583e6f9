"""GET [type]/[id] and GET [type]/[id]/_history/[version]."""

from django.http import HttpResponse

from kernel.errors import Missing
from records import reading, scopes, subset
from records.api import binary, wire
from records.stored import Stored


def read(exchange: wire.Exchange) -> HttpResponse:
    """The current version; 304 when the client holds it."""
    scopes.check(exchange.by, exchange.kind, "r")
    return _answer(exchange, reading.current(exchange.kind, exchange.id, by=exchange.by))


def read_version(exchange: wire.Exchange) -> HttpResponse:
    """One version."""
    scopes.check(exchange.by, exchange.kind, "r")
    if not exchange.version.isascii() or not exchange.version.isdigit():
        raise Missing(f"no such version of this {exchange.kind}")
    number = min(int(exchange.version[:12]), 2**31 - 1)
    return _answer(exchange, reading.past(exchange.kind, exchange.id, number, by=exchange.by))


def _answer(exchange: wire.Exchange, found: Stored) -> HttpResponse:
    if wire.unchanged(exchange.request, found):
        return wire.stamp(HttpResponse(status=304), found)
    if exchange.kind == "Binary":
        return wire.stamp(binary.answer(exchange.request, found), found)
    left = subset.asked(exchange.kind, exchange.query).of(found)
    return wire.stamp(wire.answer(left.text), left)
