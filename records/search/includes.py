"""What comes along with the matches: ``_include`` and ``_revinclude``, ``:iterate`` round circles.

Every step is one statement for each rule, whatever it finds; what is known is not followed again.
"""

from collections.abc import Iterator, Sequence

from kernel.principal import Principal
from records import access, rows
from records.search import parameters, sql
from records.search.clauses import Include
from records.search.parameters import Slot
from records.stored import Stored

DEEPEST = 10
MOST = 1000
PICKS = "r.kind, r.logical_id, r.version, r.updated_ms, r.content"


def of(wanted: Sequence[Include], matches: Sequence[Stored], *, by: Principal) -> list[Stored]:
    """Neighbours of the matches that ``by`` may see, each once; one more than ``MOST`` at most."""
    known = {stored.reference for stored in matches}
    found: list[Stored] = []
    fresh, rules = list(matches), list(wanted)
    for _ in range(DEEPEST):
        near: dict[str, Stored] = {}
        for include in rules:
            near |= _follow(include, fresh, known, by)
        fresh = list(near.values())
        known |= near.keys()
        found += fresh
        rules = [include for include in wanted if include.again]
        if not fresh or not rules or len(found) > MOST:
            break
    return found[: MOST + 1]


def _follow(
    include: Include, sources: Sequence[Stored], known: set[str], by: Principal
) -> dict[str, Stored]:
    """What one rule leads to, without what is known."""
    if include.reverse:
        targets = [s.reference for s in sources if include.target in ("", s.kind)]
        found = _referring(include, targets, by)
        return {name: stored for name, stored in found.items() if name not in known}
    wanted: set[str] = set()
    for stored in sources:
        if stored.kind == include.source:
            wanted.update(_references(include, stored))
    return read_many(sorted(wanted - known)[: MOST + 1], by=by)


def _slots(include: Include) -> set[Slot]:
    return {slot for parameter in include.parameters for slot in parameter.slots}


def _references(include: Include, stored: Stored) -> Iterator[str]:
    keys = {slot.key() for slot in _slots(include)}
    targets = _targets(include)
    for key, value in parameters.index_rows(stored.kind, stored.body):
        name = value.decode("utf-8", "replace")
        if key in keys and (not targets or name.partition("/")[0] in targets):
            yield name


def _targets(include: Include) -> frozenset[str]:
    """The types that are meant; empty for any."""
    if include.target:
        return frozenset([include.target])
    if all(parameter.resolved for parameter in include.parameters):
        return frozenset(kind for p in include.parameters for kind in p.targets)
    return frozenset()


def _referring(include: Include, targets: Sequence[str], by: Principal) -> dict[str, Stored]:
    if not targets:
        return {}
    slots = _slots(include)
    if include.source:
        where, holds = sql.conditions(include.source, [], by, letter="r")
    else:
        seen, holds = access.visible(by)
        where = f"NOT r.deleted AND {seen}"
    keys = ", ".join(["%s"] * len(slots))
    marks = ", ".join(["%s"] * len(targets))
    found = rows.fetch(
        f"SELECT {PICKS} FROM records_resource r "  # noqa: S608
        f"WHERE {where} AND r.id IN (SELECT x.resource_id "
        f"FROM records_indexrow x WHERE x.k IN ({keys}) AND x.v IN ({marks})) LIMIT %s",
        [*holds, *(s.key() for s in slots), *(target.encode() for target in targets), MOST + 1],
    )
    return {stored.reference: stored for stored in (Stored(*row) for row in found)}


def read_many(references: Sequence[str], *, by: Principal) -> dict[str, Stored]:
    """The visible ones among ``Kind/id`` references, by reference, in one query."""
    keys = [tuple(name.split("/", 1)) for name in references if name.count("/") == 1]
    if not keys:
        return {}
    condition, holds = access.visible(by)
    pairs = ", ".join(["(%s, %s)"] * len(keys))
    found = rows.fetch(
        f"SELECT {PICKS} FROM records_resource r "  # noqa: S608
        f"WHERE (r.kind, r.logical_id) IN (VALUES {pairs}) AND NOT r.deleted AND {condition}",
        [*(part for key in keys for part in key), *holds],
    )
    return {stored.reference: stored for stored in (Stored(*row) for row in found)}
