"""Conditions of conditional interactions: what they say, and whose turn it is to ask.

Two writers who ask the same at the same moment would both find nothing and both create.
"""

import zlib
from collections.abc import Iterable
from urllib.parse import parse_qsl

from django.db import connection

Pairs = list[tuple[str, str]]
TURNS = 512
"""Conditions share this many locks: a Bundle of thousands must not use up the server's."""
NAMESPACE = 0x46484952


def pairs(text: str, kind: str) -> Pairs:
    """The criteria of ``identifier=x``, ``?identifier=x`` or ``Patient?identifier=x``."""
    return parse_qsl(text.removeprefix(kind).removeprefix("?"), keep_blank_values=True)


def take_turn(conditions: Iterable[tuple[str, Pairs]]) -> None:
    """Wait until nobody else decides about one of these; theirs is done when this returns.

    The turn ends with the surrounding transaction. SQLite's transactions take turns as they are.
    """
    if connection.vendor != "postgresql":
        return
    # In order: two Bundles cannot wait for each other.
    keys = sorted({_key(kind, criteria) for kind, criteria in conditions})
    if keys:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_xact_lock(%s, k) FROM unnest(%s::int[]) AS k", [NAMESPACE, keys]
            )


def _key(kind: str, criteria: Pairs) -> int:
    return zlib.crc32(repr((kind, sorted(criteria))).encode()) % TURNS
