"""Work by the clock."""

from celery import shared_task
from django.db import close_old_connections

from consult import services


@shared_task(ignore_result=True)
def sweep_visits() -> int:
    """Calls without an answer, patients and doctors who did not come."""
    close_old_connections()
    return services.sweep()
