"""One clock for the house."""

from datetime import date, datetime

from django.utils import timezone


def now() -> datetime:
    """The present instant, aware, in UTC."""
    return timezone.now()


def today() -> date:
    """The present day where the institutions are (``TIME_ZONE``)."""
    return timezone.localdate()
