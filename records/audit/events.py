"""One access as it goes into the trail. Pure: no database."""

import hashlib
from dataclasses import dataclass, fields

import orjson

from kernel.principal import Principal

ORIGIN = hashlib.sha256(b"").hexdigest()
"""What comes before the first row of all."""


@dataclass(slots=True)
class Event:
    """One access; the columns of ``AuditRow`` without the chain. ``at_ms`` is set when noted."""

    who: str
    institution: str
    role: str
    client: str
    action: str
    interaction: str
    status: int = 200
    kind: str = ""
    logical_id: str = ""
    version: int | None = None
    patient: str = ""
    keeper: str = ""
    asked: str = ""
    found: int | None = None
    why: str = ""
    request: str = ""
    at_ms: int = 0


COLUMNS = tuple(field.name for field in fields(Event))


def made(by: Principal, action: str, interaction: str) -> Event:
    """An event of ``by``, its entity still to be said."""
    return Event(
        by.reference,
        by.institution,
        ",".join(sorted(by.roles))[:60],
        by.name[:100] if by.has("partner") else "",
        action,
        interaction[:60],
    )


def digest(before: str, chain: int, number: int, event: Event) -> str:
    """SHA-256 of the hash before and the canonical JSON (sorted keys, no spaces) of the row."""
    row = {name: getattr(event, name) for name in COLUMNS} | {"chain": chain, "number": number}
    text = orjson.dumps(row, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(before.encode() + text).hexdigest()
