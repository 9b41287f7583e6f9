"""Identifiers that leave the house."""

import secrets
import time
import uuid


def new_id() -> str:
    """A UUID of version 7 (RFC 9562 §5.7): unguessable enough to be public, ordered by time.

    Ordered, so that indexes grow at one end. Valid as a FHIR logical id.
    """
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds & (1 << 48) - 1) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=value))


def new_secret() -> str:
    """192 random bits, safe in a URL: for links and keys that are themselves the permission."""
    return secrets.token_urlsafe(24)
