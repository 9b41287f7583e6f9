"""Operations: ``$name``. To add one: a module here with its row, and the row in ``TABLE``."""

from records.api.operations import (
    document,
    everything,
    expand,
    export,
    lookup,
    match,
    meta,
    process_message,
    subscriptions,
    subsumes,
    validate,
    validate_code,
)
from records.api.operations.row import Level, Operation

TABLE: tuple[Operation, ...] = (
    document.OPERATION,
    *everything.OPERATIONS,
    expand.OPERATION,
    *export.OPERATIONS,
    lookup.OPERATION,
    match.OPERATION,
    *meta.OPERATIONS,
    process_message.OPERATION,
    subsumes.OPERATION,
    validate.OPERATION,
    *validate_code.OPERATIONS,
    *subscriptions.OPERATIONS,
)


def find(name: str, level: Level, kind: str) -> Operation | None:
    """The operation ``name`` (without ``$``) at this level of this type, or None."""
    return next((row for row in TABLE if row.name == name and row.allows(level, kind)), None)


def of_system() -> list[Operation]:
    """The operations at ``[base]/$name``."""
    return [row for row in TABLE if "system" in row.levels]


def of_type(kind: str) -> list[Operation]:
    """The operations of a type and of its instances."""
    return [row for row in TABLE if row.allows("type", kind) or row.allows("instance", kind)]
