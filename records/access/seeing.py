"""The condition on what a principal sees: own, granted, public; not denied; within the scopes."""

from dataclasses import dataclass
from typing import Any

from kernel.clock import now
from kernel.principal import Principal
from records import scopes
from records.compartments import SEVERAL, may_name_several
from records.kinds import PUBLIC

# Text is made of constants and marks only; every value travels as a parameter.
# ruff: noqa: S608

Clause = tuple[str, list[Any]]

PRIVATE = frozenset(["Subscription"])
"""What nobody but its author sees: it may hold the keys of an endpoint."""
CLINICAL = ("doctor", "nurse", "pharmacist")
OFFICE = PUBLIC | {
    *("Patient", "Appointment", "Account", "ChargeItem", "Claim", "Coverage"),
    *("ExplanationOfBenefit", "Invoice", "PaymentNotice"),
}
"""What staff see who do not treat patients."""
PARTNER = "Organization/"


def _one_of(kinds: frozenset[str]) -> str:
    return "r.kind IN (" + ", ".join(f"'{kind}'" for kind in sorted(kinds)) + ")"


_OFFICE = _one_of(OFFICE)
# What a partner wrote speaks for that partner alone until one of the house keeps it.
_KEPT = f"substr(r.author, 1, {len(PARTNER)}) <> '{PARTNER}'"
_PUBLIC = f"({_one_of(PUBLIC)} AND {_KEPT})"
_PRIVATE = f"NOT {_one_of(PRIVATE)} OR r.author = %s"
_LIVE = 'g."to" IN (%s, %s) AND g.since_ms <= %s AND (g.until_ms IS NULL OR g.until_ms > %s)'
_RECORDS = f"""
r.patient <> '' AND r.patient IN (SELECT g.patient FROM records_grant g
  WHERE g.patient <> '' AND {_LIVE})"""
_RESOURCES = f"""
EXISTS (SELECT 1 FROM records_grant g
  WHERE g.kind = r.kind AND g.logical_id = r.logical_id AND {_LIVE})"""
# Who breaks the glass sees what was denied, for as long as that grant lasts.
_APPLIES = """
d."to" IN ('', %s, %s) AND d.kind IN ('', r.kind) AND d.logical_id IN ('', r.logical_id)
  AND d.since_ms <= %s AND d.until_ms > %s
  AND NOT EXISTS (SELECT 1 FROM records_grant b
    WHERE b."to" = %s AND b.patient = d.patient AND b.breaks_glass AND b.until_ms > %s)"""
_DENIED = f"EXISTS (SELECT 1 FROM records_denial d WHERE d.patient = r.patient AND {_APPLIES})"
_ANY_DENIED = f"""r.patient = '{SEVERAL}' AND EXISTS (SELECT 1 FROM records_naming n
  JOIN records_denial d ON d.patient = n.patient WHERE n.resource_id = r.id AND {_APPLIES})"""
IS_DENIED = f"""(r.patient = '{SEVERAL}'
  OR EXISTS (SELECT 1 FROM records_denial d WHERE d.patient = r.patient))"""
"""True where a Consent may deny ``records_resource r`` to somebody."""


def milliseconds() -> int:
    """The present instant in the unit of the tables."""
    return int(now().timestamp() * 1000)


def visible(
    by: Principal, kind: str | None = None, letter: str = "r", *, past: bool = False
) -> Clause:
    """A condition on ``records_resource r`` that keeps what ``by`` may see.

    ``kind`` is the only type asked for, where that is known: it makes the condition shorter.
    ``letter`` is the act for which the scopes of a partner's token must open it (``c r u d s``).
    ``past`` asks about a version ``records_resourceversion v`` of it.
    """
    if by.has("system"):
        return "TRUE", []
    opened, narrows = scopes.condition(by, kind, letter, past=past)
    if opened == "FALSE" or (kind and not _opens(by, kind)):
        return "FALSE", []
    said, holds = _shown(by, kind, past=past)
    if not kind:
        said += f" AND ({_PRIVATE})" + ("" if _treats(by) else f" AND {_OFFICE}")
        holds.append(by.reference)
    if kind not in PUBLIC:
        text, values = _spared(by, kind)
        said, holds = f"{said} AND {text}", [*holds, *values]
    if opened != "TRUE":
        said, holds = f"{said} AND {opened}", [*holds, *narrows]
    return f"({said})", holds


def _shown(by: Principal, kind: str | None, *, past: bool) -> Clause:
    """Own, granted or public."""
    column, value = _own_column(by)
    live = [by.reference, by.institution or by.reference, milliseconds(), milliseconds()]
    # A record shows of a resource the versions that lay in it, not those of another patient's.
    since = " AND v.version >= r.placed" if past else ""
    parts: list[str] = []
    holds: list[Any] = []
    if kind in PRIVATE:
        return "r.author = %s", [by.reference]
    if kind is None or kind in PUBLIC:
        parts.append(_PUBLIC if kind is None else _KEPT)
    if value:
        parts.append(f"r.{column} = %s{since if column == 'patient' else ''}")
        holds.append(value)
    if kind not in PUBLIC:
        parts.append(_RECORDS + since)
        holds += live
    return f"({' OR '.join([*parts, _RESOURCES])})", [*holds, *live]


def _spared(by: Principal, kind: str | None) -> Clause:
    """Not denied by a Consent, or exempt from it: the patient's own, the author's own."""
    moment = milliseconds()
    institution = by.institution or by.reference
    applies = [by.reference, institution, moment, moment, by.reference, moment]
    said, holds = ["r.author = %s"], [by.reference]
    if by.has("patient"):
        said.append("r.patient = %s")
        holds.append(by.reference.removeprefix("Patient/"))
    denied = [_DENIED]
    if may_name_several(kind):
        denied.append(f"({_ANY_DENIED})")
    said.append(f"NOT ({' OR '.join(denied)})")
    return f"({' OR '.join(said)})", [*holds, *applies * len(denied)]


@dataclass(frozen=True, slots=True)
class Keeper:
    """The columns that make a resource one's own; ``denied``: a Consent may deny it."""

    institution: str
    patient: str
    author: str
    denied: bool


def is_own(by: Principal, kind: str, keeper: Keeper, letter: str = "r") -> bool:
    """True when ``by`` surely sees a resource: nothing but its own row need be asked."""
    if by.has("system"):
        return True
    if by.has("partner") and scopes.filtered(by.scopes, kind, letter):
        return False
    if kind in PUBLIC:
        return keeper.author == by.reference or not keeper.author.startswith(PARTNER)
    if kind in PRIVATE:
        return keeper.author == by.reference
    column, value = _own_column(by)
    spared = not keeper.denied or by.has("patient") or keeper.author == by.reference
    return bool(value) and getattr(keeper, column) == value and spared and _opens(by, kind)


def takes_over(by: Principal, kind: str, author: str) -> bool:
    """True when the house keeps, by writing it, what a partner wrote of the public types.

    From then on all see it, and the partner changes it no more.
    """
    ours = not by.has("partner", "patient")
    return ours and kind in PUBLIC and author.startswith(PARTNER)


def _treats(by: Principal) -> bool:
    """False for staff whose work is not with patients' records."""
    return by.has("patient", "partner", *CLINICAL)


def _opens(by: Principal, kind: str) -> bool:
    return kind in OFFICE or _treats(by)


def _own_column(by: Principal) -> tuple[str, str]:
    """Which column makes a resource one's own, and the value that it must have (empty: none)."""
    if by.has("patient"):
        return "patient", by.reference.removeprefix("Patient/")
    if by.has("partner"):
        return "author", by.reference
    return "institution", by.institution
