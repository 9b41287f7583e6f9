"""How a write becomes an event: which subscriptions want it, asked in one statement.

Each process knows from memory which types somebody subscribes to, so that all other writes cost no
statement. What it knows is at most ``SECONDS`` old. A Subscription starts to count only after
``life.SETTLES``, which is longer: by then every process knows of it, and no event is missed.
"""

# Text is made of constants and marks only; every value travels as a parameter.
# ruff: noqa: S608

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from django.db import transaction

from kernel.principal import SYSTEM
from records import rows
from records.models import SubscriptionState
from records.search import clauses, sql
from records.subscriptions.waking import wake
from records.write import Write

SECONDS = 1.0
PARTS_A_STATEMENT = 50
KEYS_A_PART = 400


@dataclass(frozen=True, slots=True)
class Interest:
    """What one subscription wants."""

    pk: int
    interactions: frozenset[str]
    filters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """What this process knows, and since when (its own monotonic clock)."""

    at: float
    kinds: dict[str, list[Interest]]


_known = Known(float("-inf"), {})


def wanted(kind: str) -> bool:
    """True when a write of ``kind`` may be an event for somebody.

    Costs a look into memory; once in ``SECONDS`` one small statement.
    """
    return kind in _fresh().kinds


def forget() -> None:
    """Ask anew at the next write: a subscription was changed in this process."""
    global _known  # noqa: PLW0603  one memory a process
    _known = Known(float("-inf"), {})


def note(writes: Sequence[Write]) -> None:
    """Append the events that these writes are, in the transaction of the writes.

    Call it for deletions before they are carried out, for all others afterwards. Only filters
    decide here. Whether a subscriber may see the resource is asked when the event is numbered: what
    is granted in the same transaction counts.
    """
    kinds = _fresh().kinds
    groups: dict[tuple[str, str], list[Write]] = {}
    for write in writes:
        if write.kind in kinds:
            groups.setdefault((write.kind, interaction(write)), []).append(write)
    parts = [
        _part(kind, done, interest, group[begin : begin + KEYS_A_PART])
        for (kind, done), group in groups.items()
        for interest in kinds[kind]
        if done in interest.interactions
        for begin in range(0, len(group), KEYS_A_PART)
    ]
    if parts and _append(parts):
        transaction.on_commit(wake)


def interaction(write: Write) -> str:
    """What a write does: create, update or delete."""
    if write.body is None:
        return "delete"
    return "create" if write.created else "update"


def _append(parts: Sequence[sql.Part]) -> int:
    appended = 0
    for begin in range(0, len(parts), PARTS_A_STATEMENT):
        some = parts[begin : begin + PARTS_A_STATEMENT]
        appended += len(
            rows.fetch(
                "INSERT INTO records_subscriptionevent "
                "(subscription_id, resource_id, version, interaction, at_ms) "
                + " UNION ALL ".join(text for text, _ in some)
                + " RETURNING id",
                [value for _, values in some for value in values],
            )
        )
    return appended


def _part(kind: str, done: str, interest: Interest, writes: Sequence[Write]) -> sql.Part:
    where, holds = _condition(kind, interest.filters)
    # A deletion is looked at while the resource is still there.
    version = "r.version + 1" if done == "delete" else "r.version"
    marks = ", ".join(["%s"] * len(writes))
    text = (
        f"SELECT s.id, r.id, {version}, CAST(%s AS text), CAST(%s AS bigint) "
        "FROM records_resource r, records_subscriptionstate s "
        f"WHERE s.id = %s AND s.counting AND {where} AND r.logical_id IN ({marks})"
    )
    ids = [write.id for write in writes]
    return text, [done, writes[0].updated_ms, interest.pk, *holds, *ids]


@lru_cache(maxsize=1000)
def _condition(kind: str, filters: tuple[str, ...]) -> tuple[str, tuple[Any, ...]]:
    said, holds = ["r.kind = %s AND NOT r.deleted"], [kind]
    pairs = [pair for query in filters for pair in parse_qsl(query, keep_blank_values=True)]
    for clause in clauses.parse(kind, pairs).clauses:
        # One by one: several together are an INTERSECT, which is made of all resources of the type
        # before it is looked for the one that was written.
        text, values = sql.criteria(kind, [clause], SYSTEM)
        said.append(text)
        holds += values
    return " AND ".join(said), tuple(holds)


def _fresh() -> Known:
    global _known  # noqa: PLW0603  one memory a process
    known = _known
    if not 0 <= time.monotonic() - known.at < SECONDS:
        # The moment before the question: what is committed after it may be missing from the answer.
        asked = time.monotonic()
        _known = known = Known(asked, _ask())
    return known


def _ask() -> dict[str, list[Interest]]:
    states = SubscriptionState.objects.exclude(status="off").order_by("pk")
    found: dict[str, list[Interest]] = {}
    for pk, kind, interactions, filters in states.values_list(
        "pk", "kind", "interactions", "filters"
    ):
        interest = Interest(pk, frozenset(interactions.split()), tuple(filters))
        found.setdefault(kind, []).append(interest)
    return found
