"""Subscription/$status and Subscription/[id]/$events (HL7 Subscriptions R5 Backport, STU 1.1)."""

from typing import Any

from django.http import HttpResponse

from records import audit, reading, scopes
from records.api import wire
from records.api.operations import parameters
from records.api.operations.row import Operation
from records.errors import Malformed
from records.models import SubscriptionState
from records.subscriptions import events, notification
from records.subscriptions.terms import CONTENTS, MOST_EVENTS, understand
from records.subscriptions.topics import GUIDE

Json = dict[str, Any]
MOST_STATES = 100
LAST = 2**62


def status(exchange: wire.Exchange) -> HttpResponse:
    """How it stands with one Subscription, or with those of the caller (``id``, ``status``)."""
    scopes.check(exchange.by, "Subscription", "r")
    given = parameters.given(exchange)
    parameters.check_known(given, ("id", "status"))
    if exchange.id:
        reading.current("Subscription", exchange.id, by=exchange.by)
        states = [_state(exchange.id)]
    else:
        states = _of_caller(exchange, given)
    entries = [_entry(state) for state in states]
    bundle: Json = {"resourceType": "Bundle", "type": "searchset", "total": len(entries)}
    return wire.answer_json(bundle | ({"entry": entries} if entries else {}))


def _of_caller(exchange: wire.Exchange, given: dict[str, list[Any]]) -> list[SubscriptionState]:
    scopes.check(exchange.by, "Subscription", "s")
    mine = SubscriptionState.objects.all()
    if not exchange.by.has("system"):
        mine = mine.filter(owner=exchange.by.reference)
    for name, column in (("id", "logical_id__in"), ("status", "status__in")):
        if said := [str(value) for value in given.get(name, [])]:
            mine = mine.filter(**{column: [word for text in said for word in text.split(",")]})
    return list(mine.order_by("pk")[:MOST_STATES])


def _state(id_: str) -> SubscriptionState:
    """The work for a Subscription; one that was never on has none, and is off."""
    found = SubscriptionState.objects.filter(logical_id=id_).first()
    return found or SubscriptionState(logical_id=id_, status="off")


def _entry(state: SubscriptionState) -> Json:
    count = events.number(state) if state.pk else 0
    said = notification.status(state, "query-status", count=count)
    return {
        "fullUrl": f"urn:uuid:{said['id']}",
        "resource": said,
        "search": {"mode": "match"},
    }


def past_events(exchange: wire.Exchange) -> HttpResponse:
    """Events of the past by number, at most ``MOST_EVENTS``, in the form of a notification."""
    scopes.check(exchange.by, "Subscription", "r")
    given = parameters.given(exchange)
    parameters.check_known(given, ("eventsSinceNumber", "eventsUntilNumber", "content"))
    stored = reading.current("Subscription", exchange.id, by=exchange.by)
    first = parameters.whole(given, "eventsSinceNumber") or 1
    until = parameters.whole(given, "eventsUntilNumber")
    content = parameters.text(given, "content") or _usual(stored.body)
    if content not in CONTENTS:
        raise Malformed("content", f"must be one of {', '.join(CONTENTS)}")
    state = _state(exchange.id)
    found: list[events.Event] = []
    if state.pk:
        scopes.check(exchange.by, state.kind, "r")
        events.number(state)
        last = LAST if until is None else until
        found = events.read(state, first, last, limit=MOST_EVENTS)
        audit.count(len(found))
    return wire.answer_json(
        notification.bundle(state, "query-event", content=content, events=found)
    )


def _usual(body: Json) -> str:
    return understand(body).content


DEFINITION = f"{GUIDE}/OperationDefinition/backport-subscription-"
OPERATIONS = (
    Operation(
        name="status",
        definition=DEFINITION + "status",
        levels=frozenset({"type", "instance"}),
        run=status,
        kinds=frozenset({"Subscription"}),
    ),
    Operation(
        name="events",
        definition=DEFINITION + "events",
        levels=frozenset({"instance"}),
        run=past_events,
        kinds=frozenset({"Subscription"}),
    ),
)
