"""Turns DATABASE_URL into Django's settings."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

# DEFERRED transactions that read and then write fail at once with "database is locked" when another
# writer came between; IMMEDIATE ones wait for their turn.
SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": (
        "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;"
        "PRAGMA busy_timeout=20000;PRAGMA foreign_keys=ON"
    ),
}


def sqlite(path: Path) -> dict[str, Any]:
    """The embedded database: one file in WAL mode."""
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path), "OPTIONS": SQLITE_OPTIONS}


def postgresql(url: str, *, pool: int) -> dict[str, Any]:
    """PostgreSQL behind a pool of at most ``pool`` connections a process.

    A pool, because under ASGI each request runs in a thread of its own; checked when lent, so
    that a restart of the server costs no request. Statements that come again are prepared
    (``records.rows``); Django, whose cursors never do, switches that off by default.
    """
    parts = urlsplit(url)
    options: dict[str, Any] = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname,
        "PORT": parts.port or 5432,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "prepare_threshold": 5,
            **options,
            "pool": {"min_size": 1, "max_size": pool, "timeout": 10},
        },
    }
