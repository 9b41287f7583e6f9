"""Which principal may see, and change, which resource. Always a filter in the query itself.

Staff see what their institution keeps, what was granted to them or to it, and the public kinds;
those of them who do not treat patients see of all this only who the patients are, appointments and
money. Patients see their compartment; partners see what they wrote and what was granted. Whatever
one may not see is Missing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kernel.clock import now
from kernel.errors import Conflict, Forbidden, Invalid
from kernel.principal import Principal
from records.kinds import KINDS, PUBLIC
from records.models import Grant

Clause = tuple[str, list[Any]]

_PUBLIC = "r.kind IN (" + ", ".join(f"'{kind}'" for kind in sorted(PUBLIC)) + ")"
_GRANTED = """
r.patient <> '' AND r.patient IN (SELECT g.patient FROM records_grant g
  WHERE g."to" IN (%s, %s) AND g.patient <> '' AND (g.until_ms IS NULL OR g.until_ms > %s))
OR EXISTS (SELECT 1 FROM records_grant g WHERE g."to" IN (%s, %s)
  AND g.kind = r.kind AND g.logical_id = r.logical_id
  AND (g.until_ms IS NULL OR g.until_ms > %s))
"""


PRIVATE = frozenset(["Subscription"])
"""What nobody but its author sees: it may hold the keys of an endpoint."""
_PRIVATE = "r.kind IN (" + ", ".join(f"'{kind}'" for kind in sorted(PRIVATE)) + ")"
CLINICAL = ("doctor", "nurse", "pharmacist")
OFFICE = PUBLIC | {
    *("Patient", "Appointment", "Account", "ChargeItem", "Claim", "Coverage"),
    *("ExplanationOfBenefit", "Invoice", "PaymentNotice"),
}
"""What staff see who do not treat patients."""
_OFFICE = "r.kind IN (" + ", ".join(f"'{kind}'" for kind in sorted(OFFICE)) + ")"


@dataclass(frozen=True, slots=True)
class Owner:
    """What decides about writes to a resource that is already there."""

    kind: str
    id: str
    institution: str
    author: str


def milliseconds() -> int:
    """The present instant in the unit of the tables."""
    return int(now().timestamp() * 1000)


def visible(by: Principal, kind: str | None = None) -> Clause:
    """A condition on ``records_resource r`` that keeps what ``by`` may see.

    ``kind`` is the only type asked for, where that is known: it makes the condition shorter.
    """
    if by.has("system") or kind in PUBLIC:
        return "TRUE", []
    if kind in PRIVATE:
        return "r.author = %s", [by.reference]
    if kind and not _opens(by, kind):
        return "FALSE", []
    said, holds = _own(by)
    moment = milliseconds()
    who = [by.reference, by.institution or by.reference]
    parts = [said, _GRANTED, *([] if kind else [_PUBLIC])]
    limit = "" if kind or _treats(by) else f" AND {_OFFICE}"
    holds = [*holds, *who, moment, *who, moment]
    if not kind:
        limit += f" AND (NOT {_PRIVATE} OR r.author = %s)"
        holds.append(by.reference)
    return f"(({' OR '.join(parts)}){limit})", holds


@dataclass(frozen=True, slots=True)
class Keeper:
    """The columns that make a resource one's own."""

    institution: str
    patient: str
    author: str


def is_own(by: Principal, kind: str, keeper: Keeper) -> bool:
    """True when ``by`` sees a resource without any grant."""
    if by.has("system") or kind in PUBLIC:
        return True
    if kind in PRIVATE:
        return keeper.author == by.reference
    column, value = _own_column(by)
    return bool(value) and getattr(keeper, column) == value and _opens(by, kind)


def _treats(by: Principal) -> bool:
    """False for staff whose work is not with patients' records."""
    return by.has("patient", "partner", *CLINICAL)


def _opens(by: Principal, kind: str) -> bool:
    return kind in OFFICE or _treats(by)


def _own(by: Principal) -> Clause:
    column, value = _own_column(by)
    return (f"r.{column} = %s", [value]) if value else ("FALSE", [])


def _own_column(by: Principal) -> tuple[str, str]:
    """Which column makes a resource one's own, and the value that it must have (empty: none)."""
    if by.has("patient"):
        return "patient", by.reference.removeprefix("Patient/")
    if by.has("partner"):
        return "author", by.reference
    return "institution", by.institution


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


def _may_write(by: Principal, owner: Owner) -> bool:
    held = Grant.objects.filter(
        to__in=[by.reference, by.institution or by.reference],
        kind=owner.kind,
        logical_id=owner.id,
        write=True,
    ).exclude(until_ms__lte=milliseconds())
    return held.exists()


def grant(
    *,
    to: str,
    patient: str | None = None,
    resources: Iterable[str] = (),
    why: str,
    until: datetime | None = None,
    write: bool = False,
) -> None:
    """Let ``to`` see the compartment of ``patient`` and the ``resources``; twice is no harm.

    ``to`` is a principal's reference or an institution's public id; ``patient`` is ``Patient/id``,
    ``resources`` are ``Kind/id``; ``write`` lets a partner change the ``resources`` too; ``why`` is
    for the auditor (the public id of a visit or referral); ``until`` is its end, None for open.
    Raises Invalid for a reference that is none.
    """
    end = int(until.timestamp() * 1000) if until else None
    wanted: list[dict[str, Any]] = [
        {"kind": kind, "logical_id": id_} for kind, id_ in map(_split, resources)
    ]
    if patient:
        wanted.append({"patient": _split(patient)[1]})
    for what in wanted:
        writes = {"write": write and "kind" in what}
        Grant.objects.update_or_create(
            to=to, why=why, **what, defaults={"since_ms": milliseconds(), "until_ms": end, **writes}
        )


def revoke(*, to: str, why: str) -> None:
    """End what was granted to ``to`` for the reason ``why``."""
    Grant.objects.filter(to=to, why=why).update(until_ms=milliseconds())


def _split(reference: str) -> tuple[str, str]:
    kind, _, id_ = reference.partition("/")
    if kind not in KINDS or not id_:
        raise Invalid("resources", f"{kind} is not a reference to a served type")
    return kind, id_
