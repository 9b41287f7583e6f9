"""Statements in their fast form: prepared once, values in binary, where the database has that.

Planning a statement costs PostgreSQL more than running most of ours. Django's own cursor pastes
values into the text, so that no plan can be kept.
"""

from collections.abc import Sequence
from time import monotonic
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper


def fetch(sql: str, values: Sequence[Any], *, keep_plan: bool = True) -> list[tuple[Any, ...]]:
    """Run a statement; every row that it returns. Raises Django's database errors.

    A kept plan knows nothing of the values. Without ``keep_plan`` they are looked at each time:
    that costs half a millisecond, and is worth it where the order of steps depends on them.
    """
    # Not ``django.db.connection``: each look at that proxy costs as much as a row.
    wrapper = connections[DEFAULT_DB_ALIAS]
    if wrapper.vendor != "postgresql":
        with wrapper.cursor() as cursor:
            cursor.execute(sql, values)
            return list(cursor.fetchall()) if cursor.description else []
    if wrapper.connection is None:
        wrapper.ensure_connection()
    wrapper.validate_no_broken_transaction()
    if wrapper.queries_logged:
        return _logged(wrapper, sql, values, keep_plan)
    return _run(wrapper, sql, values, keep_plan)


def _run(
    wrapper: BaseDatabaseWrapper, sql: str, values: Sequence[Any], keep_plan: bool
) -> list[tuple[Any, ...]]:
    with wrapper.wrap_database_errors:
        fast = psycopg.Cursor(wrapper.connection)
        fast.execute(sql, values, prepare=None if keep_plan else False)
        return fast.fetchall() if fast.pgresult and fast.pgresult.nfields else []


def _logged(
    wrapper: BaseDatabaseWrapper, sql: str, values: Sequence[Any], keep_plan: bool
) -> list[tuple[Any, ...]]:
    began = monotonic()
    try:
        return _run(wrapper, sql, values, keep_plan)
    finally:
        wrapper.queries_log.append({"sql": sql, "time": f"{monotonic() - began:.3f}"})
