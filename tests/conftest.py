"""For all tests: the trail of accesses waits in memory, and the tables can be emptied."""

import pytest
from django.db import connection

from records.audit import writer


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """Tests empty every table; what forbids that of the trail has tests that put it back."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        on = " ON records_auditrow" if connection.vendor == "postgresql" else ""
        cursor.execute(f"DROP TRIGGER IF EXISTS records_audit_whole{on}")


@pytest.fixture(autouse=True)
def trail(monkeypatch):
    """No thread writes behind a test's back: ``audit.flush`` does, within its transaction."""
    fresh = writer.Writer(thread=False)
    monkeypatch.setattr(writer._Process, "writer", fresh)
    return fresh
