"""Runs a search: one statement for a page, one for the total where asked, few for includes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.db import connection

from kernel.errors import Invalid
from kernel.principal import Principal
from records import rows
from records.errors import Malformed
from records.kinds import KINDS
from records.search import clauses, concepts, controls, includes, paging, sql
from records.search.paging import Condition
from records.stored import Stored


@dataclass(slots=True)
class Page:
    """What a search found. ``next`` is the cursor of the page after, empty at the end.

    ``used`` are the parameters that counted, ``passed`` the names of those that a lenient search
    passed over; ``cut`` says that not all neighbours fit.
    """

    matches: list[Stored]
    included: list[Stored] = field(default_factory=list)
    total: int | None = None
    next: str = ""
    used: list[tuple[str, str]] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)
    cut: bool = False


def search(
    kind: str,
    given: Iterable[tuple[str, str]],
    *,
    by: Principal,
    lenient: bool = False,
    belongs: clauses.Clause | None = None,
) -> Page:
    """Search ``kind`` for what ``by`` may see.

    ``given`` are the pairs of a query string, control parameters (``_count``, ``_sort``,
    ``_include`` …) among them; ``belongs`` is one criterion more, that of a compartment. Raises
    Malformed (an Invalid) naming a parameter that is wrong, Conflict for a cursor grown too old.
    """
    if kind not in KINDS:
        raise Invalid("resourceType", "this resource type is not served")
    wanted = controls.parse(kind, given, lenient=lenient)
    if belongs:
        wanted.clauses.append(belongs)
    where = _condition(kind, wanted.clauses, by)
    if wanted.only_count:
        return Page([], total=_count(where), used=wanted.used, passed=wanted.passed)
    lines = paging.read(wanted, where)
    page = Page([Stored(*row[:5]) for row in lines.rows], used=wanted.used, passed=wanted.passed)
    page.next = paging.cursor_of(wanted, lines)
    if wanted.total in ("accurate", "estimate"):
        page.total = _count(where)
    elif not wanted.total and not lines.more and not wanted.cursor:
        page.total = len(lines.rows)
    if wanted.includes:
        near = includes.of(wanted.includes, page.matches, by=by)
        page.included, page.cut = near[: includes.MOST], len(near) > includes.MOST
    page.matches = [wanted.subset.of(stored) for stored in page.matches]
    page.included = [wanted.subset.of(stored) for stored in page.included]
    return page


def matching(kind: str, query: Sequence[tuple[str, str]], *, by: Principal) -> list[str]:
    """Logical ids, at most two, that a conditional interaction means. Raises Malformed."""
    criteria = clauses.parse(kind, query).clauses
    if not criteria:
        raise Malformed("", "a condition needs a search parameter")
    where, holds = sql.conditions(kind, concepts.resolved(criteria, by=by), by)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT r.logical_id FROM records_resource r WHERE {where} LIMIT 2",  # noqa: S608
            holds,
        )
        return [row[0] for row in cursor.fetchall()]


def _condition(kind: str, criteria: Sequence[clauses.Clause], by: Principal) -> Condition:
    asked = sql.criteria(kind, concepts.resolved(criteria, by=by), by) if criteria else None
    return Condition(sql.conditions(kind, [], by), asked)


def _count(where: Condition) -> int:
    text, given = where.whole
    count = f"SELECT COUNT(*) FROM records_resource r WHERE {text}"  # noqa: S608
    found = rows.fetch(count, given, keep_plan=False)
    return int(found[0][0])
