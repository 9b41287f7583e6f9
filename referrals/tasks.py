"""What the worker does for referrals."""

import logging

from celery import shared_task
from django.db import close_old_connections

from referrals.exchange import delivery

log = logging.getLogger(__name__)


@shared_task(ignore_result=True)
def deliver_referrals() -> int:
    """Send what partner hospitals have not got yet; also swept by beat."""
    close_old_connections()
    return delivery.deliver_due()


def wake() -> None:
    """Ask the worker to deliver now. Failing to is no harm: the sweep finds what is due."""
    try:
        deliver_referrals.delay()
    except Exception as error:  # noqa: BLE001  a broker may fail in any way
        log.warning("delivery not woken: %s", type(error).__name__)
