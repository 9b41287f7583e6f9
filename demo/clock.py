"""Lets the seeding live through a day that is partly over."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from unittest.mock import patch

from django.utils import timezone


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """Inside, it is ``moment`` for everything that asks ``kernel.clock``.

    So that services write a past that agrees with itself: transitions, encounters, versions.
    """
    with patch.object(timezone, "now", lambda: moment):
        yield
