"""Finds what belongs to a record: access is in each statement, and texts are read a page at a time.

First the members of the compartment, then what they refer to, as far as it lies in nobody else's
record. Only keys are held; the order is that of the primary key, so that a page can go on where
the one before ended.
"""

# Text is made of constants and marks only; every value travels as a parameter.
# ruff: noqa: S608

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from kernel.principal import Principal
from records import access
from records.everything import compartments
from records.kinds import KINDS
from records.stored import Stored

Part = tuple[str, list[Any]]
STEPS = 3  # a practitioner's role, its organization, the organization above
AT_A_TIME = 500
# What holds attachments, whose addresses are in no index.
ATTACHING = (
    *("Communication", "Consent", "Contract", "DiagnosticReport", "DocumentReference"),
    *("Media", "Patient", "Practitioner", "QuestionnaireResponse", "RelatedPerson"),
)
BINARY = re.compile(r'"url":"(?:[^"]*/)?(Binary/[A-Za-z0-9.-]{1,64})"')


@dataclass(frozen=True, slots=True)
class Span:
    """When care was given: bytes of the index, empty for open ends."""

    first: bytes = b""
    end: bytes = b""


@dataclass(frozen=True, slots=True)
class Record:
    """Primary keys: ``members`` of the compartment, and ``near``, what they refer to."""

    members: frozenset[int]
    near: frozenset[int]

    @property
    def keys(self) -> list[int]:
        """All of them, in the order of pages."""
        return sorted(self.members | self.near)


@dataclass(frozen=True, slots=True)
class Wish:
    """Whose record: ``owner`` is ``Patient/id`` or ``Encounter/id``, ``patient`` a logical id.

    ``span`` keeps care given then, ``since_ms`` members written at or after that instant, ``kinds``
    those types.
    """

    owner: str
    patient: str
    span: Span = Span()
    since_ms: int | None = None
    kinds: frozenset[str] = frozenset()


def gather(wish: Wish, *, by: Principal) -> Record:
    """What ``by`` may see of it."""
    where, holds = _members(wish, by)
    rows = _run(f"SELECT r.id, r.kind FROM records_resource r WHERE {where}", holds)
    kinds = dict(rows)
    near = _near(wish, (where, holds), set(kinds), by)
    if wish.kinds:
        kinds = {key: kind for key, kind in kinds.items() if kind in wish.kinds}
        near = {key: kind for key, kind in near.items() if kind in wish.kinds}
    return Record(frozenset(kinds), frozenset(near.keys() - kinds.keys()))


def read(keys: Sequence[int], *, by: Principal) -> list[tuple[int, Stored]]:
    """Key and resource of those that ``by`` may (still) see, in this order."""
    seen, holds = _seen(by)
    found: dict[int, Stored] = {}
    for begin in range(0, len(keys), AT_A_TIME):
        part = keys[begin : begin + AT_A_TIME]
        rows = _run(
            "SELECT r.id, r.kind, r.logical_id, r.version, r.updated_ms, r.content "
            f"FROM records_resource r WHERE r.id IN ({_marks(part)}) AND {seen}",
            [*part, *holds],
        )
        found |= {row[0]: Stored(*row[1:]) for row in rows}
    return [(key, found[key]) for key in keys if key in found]


def _members(wish: Wish, by: Principal) -> Part:
    """A condition on ``records_resource r``."""
    kind, _, id_ = wish.owner.partition("/")
    keys = compartments.member_keys(kind)
    # Some types lie in a record though the compartment of the standard does not name them (Task).
    own = "r2.patient = %s" if kind == "Patient" else "r2.kind = 'Encounter' AND r2.logical_id = %s"
    said = [
        f"r.id IN (SELECT r2.id FROM records_resource r2 WHERE {own} UNION "
        "SELECT x.resource_id FROM records_indexrow x "
        f"WHERE x.k IN ({_marks(keys)}) AND x.v = %s)"
    ]
    holds: list[Any] = [id_, *keys, wish.owner.encode()]
    if wish.since_ms is not None:
        said.append("r.updated_ms >= %s")
        holds.append(wish.since_ms)
    for text, values in (_in_span(wish.span), _seen(by)):
        said.append(text)
        holds += values
    return " AND ".join(said), holds


def _in_span(span: Span) -> Part:
    """Care given then; what has no date of care always belongs."""
    if not span.first and not span.end:
        return "TRUE", []
    keys = compartments.care_dates()
    dated = (
        f"SELECT 1 FROM records_indexrow x WHERE x.resource_id = r.id AND x.k IN ({_marks(keys)})"
    )
    tests, holds = "", list[Any](keys)
    if span.first:
        tests += " AND substr(x.v, 9, 8) > %s"
        holds.append(span.first)
    if span.end:
        tests += " AND x.v < %s"
        holds.append(span.end)
    return f"(NOT EXISTS ({dated}) OR EXISTS ({dated}{tests}))", [*keys, *holds]


def _seen(by: Principal) -> Part:
    """Not deleted, and visible."""
    seen, holds = access.visible(by)
    return f"NOT r.deleted AND {seen}", holds


def _near(wish: Wish, members: Part, known: set[int], by: Principal) -> dict[int, str]:
    """Keys and types of what the members refer to, and of what that refers to."""
    where, holds = members
    names = _references(f"SELECT r.id FROM records_resource r WHERE {where}", holds)
    names |= _attached(members)
    # What an encounter names in the same record belongs to it; from there on it would be the
    # whole. Of a patient's whole record, what is no member was not wished for.
    patients = ["", wish.patient] if wish.owner.startswith("Encounter/") else [""]
    found: dict[int, str] = {}
    asked: set[str] = set()
    for _ in range(STEPS):
        fresh = _visible_among(names - asked, patients, by)
        asked |= names
        fresh = {key: kind for key, kind in fresh.items() if key not in known}
        found |= fresh
        known |= fresh.keys()
        patients = [""]
        names = set().union(*(_references(_marks(part), part) for part in _parts(list(fresh))))
    return found


def _references(keys: str, holds: Sequence[Any]) -> set[str]:
    """``Kind/id`` of everything to which the resources of ``keys`` refer."""
    of = compartments.reference_keys()
    rows = _run(
        "SELECT DISTINCT x.v FROM records_indexrow x "
        f"WHERE x.k IN ({_marks(of)}) AND x.resource_id IN ({keys})",
        [*of, *holds],
    )
    names = (bytes(value).decode("utf-8", "replace") for (value,) in rows)
    return {name for name in names if name.count("/") == 1}


def _attached(members: Part) -> set[str]:
    where, holds = members
    rows = _run(
        f"SELECT r.content FROM records_resource r WHERE {where} "
        f"AND r.kind IN ({_marks(ATTACHING)}) AND r.content LIKE %s",
        [*holds, *ATTACHING, "%Binary/%"],
    )
    return {name for (text,) in rows for name in BINARY.findall(text)}


def _visible_among(names: Collection[str], patients: list[str], by: Principal) -> dict[int, str]:
    seen, holds = _seen(by)
    found: dict[int, str] = {}
    pairs = [tuple(name.split("/")) for name in sorted(names) if name.partition("/")[0] in KINDS]
    for part in _parts(pairs):
        rows = _run(
            "SELECT r.id, r.kind FROM records_resource r WHERE (r.kind, r.logical_id) IN "
            f"(VALUES {', '.join(['(%s, %s)'] * len(part))}) "
            f"AND r.patient IN ({_marks(patients)}) AND {seen}",
            [*(word for pair in part for word in pair), *patients, *holds],
        )
        found |= dict(rows)
    return found


def _parts(items: list[Any]) -> list[list[Any]]:
    return [items[begin : begin + AT_A_TIME] for begin in range(0, len(items), AT_A_TIME)]


def _marks(items: Collection[Any]) -> str:
    return ", ".join(["%s"] * len(items))


def _run(sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())
