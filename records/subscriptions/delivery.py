"""Brings notifications to their endpoints: in order per Subscription, again until they arrive.

The row of a Subscription is claimed for ``LEASE`` and its message sent outside any transaction.
Whoever dies meanwhile loses nothing: the lease ends and the message goes again.
"""

import logging
import time
import traceback
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q, QuerySet

from kernel import outside
from kernel.errors import Conflict, HouseError, Invalid, Missing
from kernel.ids import new_id
from kernel.outside import OutsideError
from kernel.principal import SYSTEM, Principal
from records import access, audit, hooks, jsontext, scopes, store
from records.models import SubscriptionState
from records.subscriptions import events, notification
from records.subscriptions.life import subscriber
from records.subscriptions.terms import Terms, understand
from records.subscriptions.waking import wake

log = logging.getLogger(__name__)

LEASE = 180
AT_A_STRETCH = 20
FIRST_WAIT = 5
LONGEST_WAIT = 3600
SWEPT = 15  # seconds from sweep to sweep
MOST_ATTEMPTS = 12
MOST_HANDSHAKES = 3
LARGEST_ANSWER = 1024 * 1024
FHIR_JSON = "application/fhir+json"


def deliver_due() -> int:
    """Send what is due; return how many messages arrived.

    After ``AT_A_STRETCH`` seconds the rest is left to another call, which is asked for: endpoints
    that keep us waiting must not keep a worker from everything else.
    """
    events.number_all()
    arrived, begun = 0, time.monotonic()
    while (state := _claim()) is not None:
        arrived += _serve(state)
        if time.monotonic() - begun > AT_A_STRETCH:
            wake()
            break
    return arrived


def _due() -> QuerySet[SubscriptionState]:
    moment = access.milliseconds()
    ended = ~Q(status="off") & Q(ends_ms__lte=moment)
    waiting = Q(delivered__lt=F("numbered"))
    silent = Q(heartbeat_ms__gt=0, heard_ms__lte=moment - F("heartbeat_ms"))
    work = Q(status="requested") | (Q(status="active") & (waiting | silent))
    return SubscriptionState.objects.filter(ended | work, due_ms__lte=moment).order_by("due_ms")


def _claim() -> SubscriptionState | None:
    skip = connection.features.has_select_for_update_skip_locked
    with transaction.atomic():
        state = _due().select_for_update(skip_locked=skip, no_key=True).first()
        if state is not None:
            state.claim, state.due_ms = new_id(), access.milliseconds() + LEASE * 1000
            state.save(update_fields=["claim", "due_ms"])
    return state


def _serve(state: SubscriptionState) -> bool:
    """Do what is due for one Subscription; True when a message arrived."""
    try:
        if state.ends_ms is not None and state.ends_ms <= access.milliseconds():
            _turn(state, "off")
            return False
        by = hooks.standing(subscriber(state))
        if by is None or (by.has("partner") and not scopes.opens(by.scopes, state.kind, "r")):
            _turn(state, "error", "the access of the subscriber has ended", counting=False)
            return False
        return _work(state, understand(_body(state)), by)
    except OutsideError as error:
        _failed(state, error)
    except Invalid as error:
        # A topic that is no longer offered, an address that is no longer allowed. What is wrong
        # with a filter may quote it, and a filter may name a patient.
        _failed(state, OutsideError(f"not served: {error.issues[0][0]}", permanent=True))
    except Missing:
        log.info("subscription %s was deleted meanwhile", state.logical_id)
    except Exception as error:  # noqa: BLE001  one bad message must not hold up the others
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{type(error).__name__} at {frame.filename.rpartition('/')[2]}:{frame.lineno}"
        _failed(state, OutsideError(place))
    return False


def _body(state: SubscriptionState) -> dict[str, Any]:
    return store.read("Subscription", state.logical_id, by=SYSTEM).body


def _work(state: SubscriptionState, terms: Terms, by: Principal) -> bool:
    if state.status == "requested":
        if terms.topic:
            _send(terms, notification.bundle(state, "handshake"))
        _turn(state, "active")
        return True
    # R4's own notification with a payload holds one resource.
    alone = not terms.topic and terms.content == "full-resource"
    found = events.read(
        state, state.delivered + 1, state.numbered, limit=1 if alone else terms.most
    )
    if found:
        if terms.content != "empty":
            _trace(found, by)
        _tell(state, terms, found)
    elif terms.topic:
        _send(terms, notification.bundle(state, "heartbeat"))
    _release(state, delivered=found[-1].number if found else state.numbered)
    return True


def _trace(found: Sequence[events.Event], by: Principal) -> None:
    """Each attempt is an access of the subscriber: who does not answer may have read it."""
    audit.check_room()
    for event in found:
        if event.kind:
            told = audit.made(by, "R", "notification")
            told.kind, told.logical_id, told.version = event.kind, event.id, event.version
            told.patient, told.keeper = event.patient, event.keeper
            audit.note(told)


def _tell(state: SubscriptionState, terms: Terms, found: list[events.Event]) -> None:
    if terms.topic:
        told = notification.bundle(state, "event-notification", content=terms.content, events=found)
        _send(terms, told)
    elif terms.content == "empty":
        _call("POST", terms.endpoint, terms, b"")
    elif (event := found[0]).text:
        url = f"{terms.endpoint.rstrip('/')}/{event.reference}"
        _call("PUT", url, terms, event.text.encode())


def _send(terms: Terms, bundle: dict[str, Any]) -> None:
    _call("POST", terms.endpoint, terms, jsontext.dumps(bundle).encode())


def _call(method: str, url: str, terms: Terms, content: bytes) -> None:
    kind = [("Content-Type", FHIR_JSON)] if content else []
    answer = outside.call(
        method,
        url,
        private=settings.PARTNER_PRIVATE_NETWORKS,
        seconds=terms.timeout,
        most=LARGEST_ANSWER,
        headers=[*kind, *terms.headers],
        content=content,
    )
    if not 200 <= answer.status < 300:
        raise OutsideError(f"status {answer.status}", permanent=answer.status == 410)


def _release(state: SubscriptionState, **columns: Any) -> None:
    """Let go of a Subscription whose message arrived, unless it is no longer ours."""
    moment = access.milliseconds()
    SubscriptionState.objects.filter(pk=state.pk, claim=state.claim).update(
        claim="", attempts=0, due_ms=moment, heard_ms=moment, **columns
    )


def _failed(state: SubscriptionState, error: OutsideError) -> None:
    attempts = state.attempts + 1
    most = MOST_HANDSHAKES if state.status == "requested" else MOST_ATTEMPTS
    log.warning("subscription %s, attempt %s: %s", state.logical_id, attempts, error.says)
    if error.permanent or attempts >= most:
        _turn(state, "error", f"not delivered: {error.says}")
        return
    wait = min(FIRST_WAIT * 2 ** (attempts - 1), LONGEST_WAIT)
    SubscriptionState.objects.filter(pk=state.pk, claim=state.claim).update(
        claim="", attempts=attempts, due_ms=access.milliseconds() + wait * 1000
    )
    if wait < SWEPT:
        wake(seconds=wait)


def _turn(
    state: SubscriptionState, status: str, says: str = "", *, counting: bool | None = None
) -> None:
    """Change the status, in the resource and in the work; the client's own newer word wins."""
    if counting is None:
        counting = status == "active" or (status == "error" and state.counting)
    moment = access.milliseconds()
    mine = SubscriptionState.objects.filter(pk=state.pk, claim=state.claim)
    try:
        with transaction.atomic():
            stored = store.read("Subscription", state.logical_id, by=SYSTEM)
            body = {key: value for key, value in stored.body.items() if key != "error"}
            body |= {"status": status} | ({"error": says} if says else {})
            store.update("Subscription", state.logical_id, body, by=SYSTEM, if_match=stored.version)
            changed = mine.update(
                status=status,
                counting=counting,
                claim="",
                attempts=0,
                due_ms=moment,
                heard_ms=moment,
            )
            if not changed:
                raise Conflict("written meanwhile")
    except HouseError as error:
        log.info("subscription %s stays as it is: %s", state.logical_id, type(error).__name__)
