"""What the worker does for referrals."""

from celery import shared_task
from django.db import close_old_connections

from referrals.exchange import delivery


@shared_task(ignore_result=True)
def deliver_referrals() -> int:
    """Send what partner hospitals have not got yet; also swept by beat."""
    close_old_connections()
    return delivery.deliver_due()
