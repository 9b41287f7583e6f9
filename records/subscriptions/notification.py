"""What is sent: the notification Bundle of the R5 Backport in R4. Pure, but for the clock."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from kernel.clock import now
from kernel.ids import new_id
from records.models import SubscriptionState
from records.search.values import own_base
from records.subscriptions.events import Event
from records.subscriptions.topics import GUIDE

Json = dict[str, Any]
STATUS_PROFILE = f"{GUIDE}/StructureDefinition/backport-subscription-status-r4"
BUNDLE_PROFILE = f"{GUIDE}/StructureDefinition/backport-subscription-notification-r4"
REQUESTS = {"create": ("POST", "201"), "update": ("PUT", "200"), "delete": ("DELETE", "204")}


def bundle(
    state: SubscriptionState, type_: str, *, content: str = "", events: Sequence[Event] = ()
) -> Json:
    """A notification of ``type_`` (handshake, heartbeat, event-notification, query-event).

    ``content`` is empty, id-only or full-resource. The count of events is that of the last event
    here, so that a client that reads notifications in order sees no gap where there is none.
    """
    count = events[-1].number if events and type_ == "event-notification" else state.numbered
    said = status(state, type_, count=count, content=content, events=events)
    url = f"{own_base()}Subscription/{state.logical_id}/$status"
    first = {
        "fullUrl": f"urn:uuid:{said['id']}",
        "resource": said,
        "request": {"method": "GET", "url": url},
        "response": {"status": "200"},
    }
    focuses = [_entry(event) for event in events if content == "full-resource" and event.kind]
    return {
        "resourceType": "Bundle",
        "id": new_id(),
        "meta": {"profile": [BUNDLE_PROFILE]},
        "type": "history",
        "timestamp": _moment(int(now().timestamp() * 1000)),
        "entry": [first, *focuses],
    }


def status(
    state: SubscriptionState,
    type_: str,
    *,
    count: int,
    content: str = "",
    events: Sequence[Event] = (),
) -> Json:
    """How it stands with a Subscription, as Parameters."""
    reference = {"reference": f"{own_base()}Subscription/{state.logical_id}"}
    parameters: list[Json] = [{"name": "subscription", "valueReference": reference}]
    # An empty notification tells nothing of what happened, so not even what it was about.
    if state.topic and content != "empty":
        parameters.append({"name": "topic", "valueCanonical": state.topic})
    parameters += [
        {"name": "status", "valueCode": state.status},
        {"name": "type", "valueCode": type_},
        {"name": "events-since-subscription-start", "valueString": str(count)},
        *({"name": "notification-event", "part": _parts(e, content)} for e in events),
    ]
    return {
        "resourceType": "Parameters",
        "id": new_id(),
        "meta": {"profile": [STATUS_PROFILE]},
        "parameter": parameters,
    }


def _parts(event: Event, content: str) -> list[Json]:
    parts: list[Json] = [
        {"name": "event-number", "valueString": str(event.number)},
        {"name": "timestamp", "valueInstant": _moment(event.at_ms)},
    ]
    if event.kind and content != "empty":
        focus = {"reference": own_base() + event.reference}
        parts.append({"name": "focus", "valueReference": focus})
    return parts


def _entry(event: Event) -> Json:
    method, code = REQUESTS[event.interaction]
    entry: Json = {"fullUrl": own_base() + event.reference}
    if event.text:
        entry["resource"] = orjson.Fragment(event.text)
    url = event.kind if method == "POST" else event.reference
    response = {
        "status": code,
        "etag": f'W/"{event.version}"',
        "lastModified": _moment(event.at_ms),
    }
    return entry | {"request": {"method": method, "url": url}, "response": response}


def _moment(at_ms: int) -> str:
    moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
