"""Rounds of the clock. Each may run twice at once, or be killed in the middle, without harm."""

from datetime import timedelta

from celery import shared_task
from django.db import close_old_connections

from kernel.clock import today
from payments import callbacks, gateways, inquiries, reconciliation


@shared_task(ignore_result=True)
def tend() -> None:
    """Ask about payments without a callback, close expired orders, send and follow refunds."""
    close_old_connections()
    inquiries.ask_due()
    inquiries.close_expired()
    inquiries.pursue_due()


@shared_task(ignore_result=True)
def forget_refused_callbacks() -> None:
    """Nightly: forget refused callbacks of long ago."""
    close_old_connections()
    callbacks.forget_refused()


@shared_task(ignore_result=True)
def reconcile_yesterday() -> None:
    """Every morning, after the gateways made their bills: compare yesterday."""
    close_old_connections()
    for name in gateways.available():
        reconciliation.reconcile(name, today() - timedelta(days=1))
