"""The events of a Subscription: numbered by one hand, read with the subscriber's own access."""

# Text is made of constants and marks only; every value travels as a parameter.

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction

from kernel.clock import now
from records import access, hooks, rows
from records.models import SubscriptionEvent, SubscriptionState
from records.subscriptions.life import subscriber

AT_ONCE = 1000

_NUMBER = """
UPDATE records_subscriptionevent SET number = n.number FROM (
  SELECT e.id AS event, {last} + row_number() OVER (ORDER BY e.id) AS number
  FROM records_subscriptionevent e WHERE e.id IN ({marks})
) n WHERE records_subscriptionevent.id = n.event
"""
_VISIBLE = """
SELECT e.id, CASE WHEN {visible} THEN 1 ELSE 0 END FROM records_subscriptionevent e
JOIN records_resource r ON r.id = e.resource_id
WHERE e.subscription_id = %s AND e.number IS NULL ORDER BY e.id LIMIT %s
"""
_READ = """
SELECT e.number, e.interaction, e.at_ms, e.version,
  CASE WHEN {visible} THEN r.kind ELSE '' END,
  CASE WHEN {visible} THEN r.logical_id ELSE '' END,
  r.patient, r.institution,
  CASE WHEN {past} THEN COALESCE(v.content, '') ELSE '' END
FROM records_subscriptionevent e
JOIN records_resource r ON r.id = e.resource_id
LEFT JOIN records_resourceversion v ON v.resource_id = e.resource_id AND v.version = e.version
WHERE e.subscription_id = %s AND e.number BETWEEN %s AND %s ORDER BY e.number LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class Event:
    """One event; ``kind`` and ``id`` are empty where the subscriber may no longer see the resource.

    ``text`` is the version of the event, empty for a deletion and where it may not be seen.
    ``patient`` and ``keeper`` are for the trail of accesses alone.
    """

    number: int
    interaction: str
    at_ms: int
    version: int
    kind: str
    id: str
    patient: str
    keeper: str
    text: str

    @property
    def reference(self) -> str:
        """``Kind/id``, or empty."""
        return f"{self.kind}/{self.id}" if self.kind else ""


def number_all() -> None:
    """Number what nobody has looked at yet."""
    fresh = SubscriptionEvent.objects.filter(number=None).values("subscription")
    for state in SubscriptionState.objects.filter(pk__in=fresh):
        number(state)


def number(state: SubscriptionState) -> int:
    """Give numbers to new events of what the subscriber may see now; return the last number.

    What they may not see is dropped and never counted. Two events of one resource keep their order:
    the second writer waited for the first.
    """
    while (last := _number_some(state)) is None:
        continue
    state.numbered = last
    return last


def _number_some(state: SubscriptionState) -> int | None:
    """The last number given, or None when there is more to do."""
    with transaction.atomic():
        held = SubscriptionState.objects.select_for_update(no_key=True).filter(pk=state.pk).first()
        if held is None:
            return state.numbered
        # Whoever may no longer act at all is told so when the event is due, and sees nothing.
        by = subscriber(held)
        visible, holds = access.visible(hooks.standing(by) or by, held.kind)
        found = rows.fetch(_VISIBLE.format(visible=visible), [*holds, held.pk, AT_ONCE])
        seen = [pk for pk, open_ in found if open_]
        if hidden := [pk for pk, open_ in found if not open_]:
            SubscriptionEvent.objects.filter(pk__in=hidden).delete()
        if seen:
            marks = ", ".join(["%s"] * len(seen))
            with connection.cursor() as cursor:
                cursor.execute(_NUMBER.format(last=held.numbered, marks=marks), seen)
            held.numbered += len(seen)
            held.save(update_fields=["numbered"])
        return None if len(found) == AT_ONCE else held.numbered


def read(state: SubscriptionState, first: int, last: int, *, limit: int) -> list[Event]:
    """Events by number, from ``first`` to ``last`` inclusive, as the subscriber sees them now."""
    by = hooks.standing(subscriber(state))
    if by is None:
        return []
    visible, holds = access.visible(by, state.kind)
    past, more = access.visible(by, state.kind, past=True)
    sql = _READ.format(visible=visible, past=past)
    given = [*holds, *holds, *more, state.pk, first, last, limit]
    return [Event(*row) for row in rows.fetch(sql, given)]


def forget_old() -> int:
    """Forget events older than ``SUBSCRIPTION_EVENT_DAYS``; how many."""
    oldest = now() - timedelta(days=settings.SUBSCRIPTION_EVENT_DAYS)
    old = SubscriptionEvent.objects.filter(at_ms__lt=int(oldest.timestamp() * 1000))
    return int(old.delete()[0])
