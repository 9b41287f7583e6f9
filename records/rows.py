"""Statements in their fast form: prepared once, values in binary, where the database has that.

Planning a statement costs PostgreSQL more than running most of ours. Django's own cursor pastes
values into the text, so that no plan can be kept.
"""

from collections.abc import Sequence
from time import monotonic
from typing import Any

import psycopg
from django.db import connection


def fetch(sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Run a statement; every row that it returns. Raises Django's database errors."""
    if connection.vendor != "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            return list(cursor.fetchall()) if cursor.description else []
    connection.ensure_connection()
    connection.validate_no_broken_transaction()
    began = monotonic()
    try:
        with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as fast:
            fast.execute(sql, values)
            return fast.fetchall() if fast.description else []
    finally:
        if connection.queries_logged:
            connection.queries_log.append({"sql": sql, "time": f"{monotonic() - began:.3f}"})
