"""Asks the worker to deliver notifications. Failing to is no harm: the sweep finds what is due."""

import logging

from celery import current_app

log = logging.getLogger(__name__)
TASK = "records.tasks.deliver_notifications"


def wake(*, seconds: float = 0) -> None:
    """Let a worker look what is due, now or in some ``seconds``."""
    try:
        current_app.send_task(TASK, countdown=seconds, ignore_result=True)
    except Exception as error:  # noqa: BLE001  a broker may fail in any way
        log.warning("notifications not woken: %s", type(error).__name__)
