"""Tasks that belong to no floor."""

from celery import shared_task
from django.db import close_old_connections

from kernel import outbox


@shared_task(ignore_result=True)
def deliver_outbox() -> int:
    """Run the handlers of transitions that nobody has heard of yet."""
    close_old_connections()
    return outbox.deliver_due()


def wake_outbox() -> None:
    """Send the task that delivers."""
    deliver_outbox.delay()
