"""POST [base]: batch and transaction."""

from django.http import HttpResponse

from records import bundles
from records.api import wire


def carry_out(exchange: wire.Exchange) -> HttpResponse:
    """Carry out a Bundle; ``Prefer: return=representation`` puts the resources into the answer."""
    bundle = wire.body(exchange.request)
    full = exchange.prefers("return") == "representation"
    door = bundles.Door(exchange.by, rest=True, base=exchange.base, full=full)
    return wire.answer_json(bundles.carry_out(bundle, door))
