"""Tells higher floors of fresh transitions: once, in order per thing, retried until it works.

A transition row is its own message. ``deliver_due`` takes undelivered rows, runs the handlers that
higher floors registered and marks the row in the same transaction, so what a handler writes to the
database happens exactly once. A handler that fails holds up its own thing only.
"""

import logging
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import timedelta

from django.apps import apps
from django.db import connection, models, transaction

from kernel.clock import now
from kernel.transitions import TransitionRow

log = logging.getLogger(__name__)

Handler = Callable[[TransitionRow], None]
LONGEST_WAIT = timedelta(minutes=10)
BATCH = 100

_handlers: dict[tuple[str, str], list[Handler]] = defaultdict(list)


def on(workflow: str, *names: str) -> Callable[[Handler], Handler]:
    """Register a handler for the named transitions of ``workflow``, or for all of them."""

    def register(handler: Handler) -> Handler:
        for name in names or ("*",):
            _handlers[workflow, name].append(handler)
        return handler

    return register


def deliver_due() -> int:
    """Deliver every row that is due; return how many were delivered."""
    return sum(_deliver_all(model) for model in _row_models())


def backlog() -> int:
    """How many rows wait for delivery."""
    return sum(m._base_manager.filter(delivered_at=None).count() for m in _row_models())


def _row_models() -> Iterator[type[TransitionRow]]:
    for model in apps.get_models():
        if issubclass(model, TransitionRow):
            yield model


def _deliver_all(model: type[TransitionRow]) -> int:
    delivered = 0
    while keys := list(_due(model).values_list("pk", flat=True)[:BATCH]):
        done = sum(_deliver_one(model, key) for key in keys)
        delivered += done
        if not done:
            break
    return delivered


def _due(model: type[TransitionRow]) -> models.QuerySet[TransitionRow]:
    """Undelivered rows whose time has come and that no earlier row of the same thing holds up."""
    waiting = model._base_manager.filter(delivered_at=None)
    same_thing = models.Q(thing=models.OuterRef("thing"), pk__lt=models.OuterRef("pk"))
    earlier = waiting.filter(same_thing)
    return waiting.filter(~models.Exists(earlier), due_at__lte=now()).order_by("pk")


def _deliver_one(model: type[TransitionRow], key: int) -> bool:
    try:
        with transaction.atomic():
            row = _locked(model, key)
            if row is None:
                return False
            for handler in _handlers_of(row):
                handler(row)
            row.delivered_at = now()
            row.save(update_fields=["delivered_at"])
            return True
    except Exception as error:  # noqa: BLE001  whatever went wrong, the row is tried again
        _postpone(model, key, error)
        return False


def _locked(model: type[TransitionRow], key: int) -> TransitionRow | None:
    skip = connection.features.has_select_for_update_skip_locked
    rows = _due(model).select_for_update(skip_locked=skip, of=("self",) if skip else ())
    return rows.filter(pk=key).first()


def _handlers_of(row: TransitionRow) -> list[Handler]:
    workflow = row.thing.workflow.name
    return _handlers[workflow, row.name] + _handlers[workflow, "*"]


def _postpone(model: type[TransitionRow], key: int, error: Exception) -> None:
    row = model._base_manager.get(pk=key)
    # The error's text may quote a patient's data (a violated constraint does): only its kind and
    # place are logged.
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{frame.filename.rpartition('/')[2]}:{frame.lineno}"
    log.error("outbox: %s row %s: %s at %s", row.name, key, type(error).__name__, place)
    wait = min(timedelta(seconds=2**row.attempts), LONGEST_WAIT)
    model._base_manager.filter(pk=key).update(
        attempts=models.F("attempts") + 1,
        due_at=now() + wait,
        last_error=type(error).__name__,
    )
