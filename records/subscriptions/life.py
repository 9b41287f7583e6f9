"""What follows from writing a Subscription: it is checked, started anew, stopped."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction

from kernel.clock import now
from kernel.errors import Invalid, Refused
from kernel.principal import Principal
from records import access, scopes
from records.models import SubscriptionState
from records.subscriptions import interest
from records.subscriptions.terms import Terms, understand
from records.subscriptions.waking import wake
from records.write import Write

Json = dict[str, Any]
SETTLES = 2.0
"""Seconds before a Subscription is greeted: longer than a process may not know of it yet."""
MOST_OF_ONE = 100
LIVE = ("requested", "active", "error")


def concerns(write: Write) -> bool:
    """True for a write of a Subscription."""
    return write.kind == "Subscription"


def check(write: Write, by: Principal) -> None:
    """Check a Subscription that was sent, and make it what is kept; other writes pass.

    The status is ours: who writes asks for ``requested``, whatever they say, or for ``off``. Raises
    Invalid naming the place, Forbidden when the token does not open what is subscribed to.
    """
    body = write.body
    if not concerns(write) or body is None or by.has("system"):
        return
    terms = understand(body, write.where)
    if terms.ends and terms.ends <= now() and body.get("status") != "off":
        raise Invalid(f"{write.where}.end", "is over")
    for letter in "rs":
        scopes.check(by, terms.kind, letter)
    body["status"] = "off" if body.get("status") == "off" else "requested"
    body.pop("error", None)


def follow(writes: Sequence[Write], by: Principal) -> None:
    """Start or stop the work for Subscriptions that were written, in the same transaction.

    What the service itself writes says how the work goes, and changes nothing. Raises Refused for
    one Subscription too many.
    """
    for write in writes:
        if concerns(write) and not (write.body and by.has("system")):
            _follow(write, by)


def _follow(write: Write, by: Principal) -> None:
    mine = SubscriptionState.objects.filter(logical_id=write.id)
    if write.body is None:
        mine.delete()
    elif write.body["status"] == "off":
        mine.update(status="off", counting=False, claim="")
    else:
        _start(write.id, understand(write.body, write.where), by)
    interest.forget()
    transaction.on_commit(interest.forget)


def _start(id_: str, terms: Terms, by: Principal) -> None:
    others = SubscriptionState.objects.filter(owner=by.reference, status__in=LIVE)
    if others.exclude(logical_id=id_).count() >= MOST_OF_ONE:
        raise Refused(f"one subscriber has at most {MOST_OF_ONE} subscriptions")
    columns: dict[str, Any] = {
        "topic": terms.topic,
        "kind": terms.kind,
        "interactions": " ".join(sorted(terms.interactions)),
        "filters": list(terms.filters),
    }
    known = SubscriptionState.objects.filter(logical_id=id_).first()
    # Started again with the same criteria, it goes on counting: nothing is lost in between.
    same = known is not None and all(getattr(known, name) == columns[name] for name in columns)
    SubscriptionState.objects.update_or_create(
        logical_id=id_,
        defaults={
            **columns,
            **_subscriber(by),
            "status": "requested",
            "counting": known is not None and known.counting and same,
            "attempts": 0,
            "claim": "",
            "due_ms": access.milliseconds() + int(SETTLES * 1000),
            "heartbeat_ms": terms.heartbeat * 1000,
            "ends_ms": int(terms.ends.timestamp() * 1000) if terms.ends else None,
        },
    )
    transaction.on_commit(_wake_soon)


def _subscriber(by: Principal) -> Json:
    return {
        "owner": by.reference,
        "institution": by.institution,
        "roles": sorted(by.roles),
        "scopes": sorted(by.scopes),
    }


def _wake_soon() -> None:
    wake(seconds=SETTLES)


def subscriber(state: SubscriptionState) -> Principal:
    """Who subscribed, with the access that counts for it."""
    return Principal(
        state.owner,
        institution=state.institution,
        roles=frozenset(state.roles),
        scopes=frozenset(state.scopes),
    )
