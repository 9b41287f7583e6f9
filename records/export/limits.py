"""How much an export may hold, how long it is kept, how often it is tried."""

from django.conf import settings

MOST_STARTS = 5
MOST_KEPT = 10
# Between a write's own instant and its first statement; a write of a large Bundle takes longest.
SETTLE_MS = 1000


def largest() -> int:
    """Bytes of NDJSON in one export."""
    return int(settings.EXPORT_LARGEST_MB) << 20


def kept_ms() -> int:
    """Milliseconds for which files are kept."""
    return int(settings.EXPORT_HOURS) * 3_600_000
