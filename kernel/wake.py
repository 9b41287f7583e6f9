"""How the ground tells the roof that fresh transitions wait in the outbox."""

import logging
from collections.abc import Callable

log = logging.getLogger(__name__)

_wakers: list[Callable[[], None]] = []


def on_nudge(wake: Callable[[], None]) -> None:
    """Register what wakes the deliverer after a commit (the roof sends a task)."""
    if wake not in _wakers:
        _wakers.append(wake)


def nudge() -> None:
    """Wake the deliverer. Failing to is no harm: the sweep of every minute finds the row."""
    for wake in _wakers:
        try:
            wake()
        except Exception as error:  # noqa: BLE001  a broker may fail in any way
            log.warning("outbox nudge failed: %s", type(error).__name__)
