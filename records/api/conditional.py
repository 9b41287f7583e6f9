"""The one resource that a conditional interaction means (FHIR R4, http.html#ccreate)."""

from kernel.errors import Conflict
from records.api import wire
from records.conditions import Pairs, take_turn
from records.search.query import matching


def one(exchange: wire.Exchange, criteria: Pairs, *, creates: bool = False) -> str | None:
    """The logical id that fits, or None. Raises Conflict when several do, Malformed.

    ``creates`` says that none leads to a creation: in the surrounding transaction, nobody else
    creates for the same condition any more.
    """
    if creates:
        take_turn([(exchange.kind, criteria)])
    found = matching(exchange.kind, criteria, by=exchange.by)
    if len(found) > 1:
        raise Conflict("several resources fit the condition")
    return found[0] if found else None
