"""Which writes through the REST API are a principal's to make."""

from collections.abc import Sequence
from dataclasses import dataclass

from kernel.errors import Conflict, Forbidden
from kernel.principal import Principal
from records import rows, scopes
from records.access.seeing import milliseconds
from records.models import Grant


@dataclass(frozen=True, slots=True)
class Owner:
    """What decides about writes to a resource that is already there."""

    kind: str
    id: str
    institution: str
    author: str


def check_write(by: Principal, owner: Owner, *, matched: bool) -> None:
    """Refuse a write through the REST API to a resource that ``by`` sees but may not change.

    ``matched`` says that the writer named the version it saw. Raises Forbidden, Conflict.
    """
    if by.has("system") or owner.author == by.reference:
        return
    if by.has("partner"):
        if _may_write(by, owner):
            # Both sides of an exchange write this one: neither may overwrite the other unseen.
            if not matched:
                raise Conflict("say If-Match: others change this resource too")
            return
    elif not by.has("patient") and by.institution and owner.institution == by.institution:
        return
    raise Forbidden("this resource is kept by somebody else")


def check_create(by: Principal, kind: str) -> None:
    """Refuse creations through the REST API by those who may only read. Raises Forbidden."""
    if by.has("patient"):
        raise Forbidden(f"patients do not create {kind} resources here")


def is_narrowed(by: Principal, kind: str, letter: str) -> bool:
    """True when filters of a token's scopes decide which ``kind`` may be written."""
    return by.has("partner") and scopes.filtered(by.scopes, kind, letter)


def check_written(by: Principal, written: Sequence[tuple[str, str, str]]) -> None:
    """Refuse what a token's filters do not open, looked at after the write: its index tells.

    ``written`` are the narrowed among the writes: (type, letter, logical id). Raises Forbidden.
    """
    for kind, letter in sorted({(kind, letter) for kind, letter, _ in written}):
        ids = [id_ for *what, id_ in written if what == [kind, letter]]
        text, holds = scopes.condition(by, kind, letter)
        marks = ", ".join(["%s"] * len(ids))
        found = rows.fetch(
            "SELECT 1 FROM records_resource r WHERE r.kind = %s "  # noqa: S608
            f"AND r.logical_id IN ({marks}) AND NOT {text} LIMIT 1",
            [kind, *ids, *holds],
        )
        if found:
            raise Forbidden(f"the token's scopes do not open a {kind} like this one")


def _may_write(by: Principal, owner: Owner) -> bool:
    held = Grant.objects.filter(
        to__in=[by.reference, by.institution or by.reference],
        kind=owner.kind,
        logical_id=owner.id,
        write=True,
    ).exclude(until_ms__lte=milliseconds())
    return held.exists()
