"""What the worker does for the FHIR store. Tasks carry public ids only."""

import logging

from celery import shared_task
from django.db import close_old_connections

from records import messaging
from records.export import services, work
from records.subscriptions import delivery, events

log = logging.getLogger(__name__)


@shared_task(ignore_result=True)
def run_export(public_id: str) -> None:
    """Work on an export for a while, then hand it on. Sent twice, it is no harm."""
    close_old_connections()
    again = work.carry_on(public_id)
    if again is not None:
        wake_export(public_id, after=again)


@shared_task(ignore_result=True)
def tend_exports() -> None:
    """Go on with exports that nobody works on, forget those whose time is over."""
    close_old_connections()
    services.clean()
    for public_id in services.due():
        wake_export(public_id)


@shared_task(ignore_result=True)
def forget_messages() -> None:
    """Forget answers that no sender will ask for again."""
    close_old_connections()
    messaging.forget()


def wake_export(public_id: str, *, after: float = 0.0) -> None:
    """Ask a worker to go on. Failing to is no harm: ``tend_exports`` finds what waits."""
    try:
        run_export.apply_async((public_id,), countdown=after)
    except Exception as error:  # noqa: BLE001  a broker may fail in any way
        log.warning("export not woken: %s", type(error).__name__)


@shared_task(ignore_result=True)
def deliver_notifications() -> int:
    """Handshakes, events and heartbeats that are due; also swept by beat."""
    close_old_connections()
    return delivery.deliver_due()


@shared_task(ignore_result=True)
def forget_notifications() -> int:
    """Nightly: forget events that nobody asks for any more."""
    close_old_connections()
    return events.forget_old()
