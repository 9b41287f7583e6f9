"""Reads rows with prepared statements where the database has them.

Planning the condition on what a principal may see costs PostgreSQL more than running it. Django's
own cursor pastes values into the text, so that no plan can be kept.
"""

from collections.abc import Sequence
from typing import Any

import psycopg
from django.db import connection


def fetch(sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Every row of a query. Raises Django's database errors."""
    if connection.vendor != "postgresql" or connection.queries_logged:
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            return list(cursor.fetchall())
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as fast:
        fast.execute(sql, values, prepare=True)
        return fast.fetchall()
