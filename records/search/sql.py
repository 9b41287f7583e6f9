"""Turns clauses into SQL: each criterion is a subselect of resource keys.

PostgreSQL begins with the rarest and looks the others up for what is left; it knows which is rare
by the statistics of ``migrations/0003``. (INTERSECT reads all rows of each: a patient's vital signs
took eight times longer in ten times the records.)
"""

# Text is made of constants and marks only; every value travels as a parameter.
# ruff: noqa: S608

from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection

from kernel.errors import Forbidden
from kernel.principal import Principal
from records import access, jsontext, rows, scopes
from records.errors import Malformed
from records.search import near, parameters, values
from records.search.clauses import Clause
from records.search.comparisons import after, among, codes, compare, prefix
from records.search.parameters import VARIANTS, Parameter

Part = tuple[str, list[Any]]
# The two databases spell these differently.
ROW_REFERENCE = {
    "postgresql": "convert_to(r.kind || '/' || r.logical_id, 'UTF8')",
    "sqlite": "CAST(r.kind || '/' || r.logical_id AS BLOB)",
}
TEXT_OF = {"postgresql": "convert_from({0}, 'UTF8')", "sqlite": "CAST({0} AS TEXT)"}
FLAT = 100
NEGATIVE = {"not": "", "not-codes": "codes"}


def conditions(kind: str, clauses: Sequence[Clause], by: Principal, *, letter: str = "s") -> Part:
    """A condition on ``records_resource r``: type, not deleted, visible, every clause.

    ``letter`` is the act of the token's scopes (``r``, ``s``) that the search stands for.
    """
    seen, holds = access.visible(by, kind, letter)
    said = ["r.kind = %s", "NOT r.deleted"]
    values_: list[Any] = [kind]
    if seen != "TRUE":
        said.append(seen)
        values_ += holds
    if clauses:
        text, given = criteria(kind, clauses, by)
        said.append(text)
        values_ += given
    return " AND ".join(said), values_


def criteria(kind: str, clauses: Sequence[Clause], by: Principal) -> Part:
    """What ``clauses`` say of ``records_resource r``, which is of ``kind``; at least one.

    Who sees the resource is not asked here; of neighbours in chains it is.
    """
    said, values_ = [], list[Any]()
    keys: list[Part] = []
    for clause in clauses:
        if (direct := _direct(clause, by)) is not None:
            said.append(direct[0])
            values_ += direct[1]
        else:
            keys.append(_subselect(kind, clause, by))
    for text, given in keys:
        said.append(f"r.id IN ({text})")
        values_ += given
    return " AND ".join(said), values_


def _direct(clause: Clause, by: Principal) -> Part | None:
    """What is a condition on the resource itself, not on rows of the index alone."""
    if clause.links:
        return None
    if clause.modifier == "missing":
        return _missing(clause)
    if clause.modifier in NEGATIVE:
        text, given = _listed(clause.parameter, NEGATIVE[clause.modifier], clause.values, by)
        return f"r.id NOT IN ({text})", given
    if clause.parameter.type in _COLUMNS:
        return _COLUMNS[clause.parameter.type](clause)
    if clause.parameter.type == "special":
        return near.conditions(clause.parameter, clause.values)
    return None


def _subselect(kind: str, clause: Clause, by: Principal) -> Part:
    if clause.reverse:
        return _has(kind, clause, by)
    if clause.links:
        return _chain(clause, by)
    return _listed(clause.parameter, clause.modifier, clause.values, by)


def _listed(parameter: Parameter, modifier: str, wanted: Sequence[str], by: Principal) -> Part:
    """Keys of the resources that have any of the wanted values."""
    if modifier == "codes":
        return _rows(_keys(parameter), codes(parameter, wanted))
    tests: dict[str, list[Part]] = {}
    for value in wanted:
        if modifier in ("above", "below") and values.own(value):
            tests.setdefault("", []).append(_family(parameter, modifier, value, by))
        else:
            for variant, text, given in compare(parameter, modifier, value):
                tests.setdefault(variant, []).append((text, given))
    selects = [_rows(_keys(parameter, variant), _any(found)) for variant, found in tests.items()]
    if len(selects) == 1:
        return selects[0]
    union = " UNION ".join(text for text, _ in selects)
    return f"SELECT * FROM ({union}) AS u", [v for _, given in selects for v in given]


def _any(tests: Sequence[Part]) -> Part:
    return _or([text for text, _ in tests]), [v for _, given in tests for v in given]


def _or(texts: Sequence[str]) -> str:
    """Many alternatives as a tree: SQLite's expressions have a greatest depth."""
    if len(texts) <= FLAT:
        return " OR ".join(texts)
    middle = len(texts) // 2
    return f"({_or(texts[:middle])}) OR ({_or(texts[middle:])})"


def _keys(parameter: Parameter, variant: str = "") -> list[int]:
    return [slot.key(variant) for slot in parameter.slots]


def _rows(keys: Sequence[int], test: Part, pick: str = "x.resource_id") -> Part:
    marks = ", ".join(["%s"] * len(keys))
    where = f"x.k = {marks}" if len(keys) == 1 else f"x.k IN ({marks})"
    text, given = test
    return f"SELECT {pick} FROM records_indexrow x WHERE {where} AND ({text})", [*keys, *given]


def _chain(clause: Clause, by: Principal) -> Part:
    """Rows that refer to a visible resource which matches the rest of the chain.

    What a token may not search it may not ask about either: hits alone would tell. Where several
    types may be meant, those are asked that it may.
    """
    links = [link for link in clause.links if _may(by, link.kind)]
    if not links:
        raise Forbidden(f"the token has no scope system/{clause.links[0].kind}.s")
    row = ROW_REFERENCE[connection.vendor]
    found = [conditions(link.kind, [link.clause], by) for link in links]
    deep = any(link.clause.links for link in links)
    tests = [
        _in("x.v", (f"SELECT {row} FROM records_resource r WHERE {where}", given), deep=deep)
        for where, given in found
    ]
    return _rows(_keys(clause.parameter), _any(tests))


def _in(what: str, select: Part, *, deep: bool) -> Part:
    """Evaluated from the inside out: PostgreSQL would plan all links of a chain as one join.

    Measured: the plan of three links took it more than 20 seconds, now milliseconds. SQLite's
    parser is not deep enough for ``deep`` chains; in the same process, asking twice costs little.
    """
    text, given = select
    if connection.vendor == "postgresql":
        return f"{what} = ANY(ARRAY({text}))", given
    if not deep:
        return f"{what} IN ({text})", given
    found = [one for (one,) in rows.fetch(text, given)]
    plain = [one.decode() if isinstance(one, bytes) else one for one in found]
    value = "CAST(value AS BLOB)" if found and isinstance(found[0], bytes) else "value"
    return f"{what} IN (SELECT {value} FROM json_each(%s))", [jsontext.dumps(plain)]


def _may(by: Principal, kind: str) -> bool:
    try:
        scopes.check(by, kind, "s")
    except Forbidden:
        return False
    return True


def _has(kind: str, clause: Clause, by: Principal) -> Part:
    """Resources to which a visible, matching resource refers."""
    link = clause.links[0]
    scopes.check(by, link.kind, "s")
    where, given = conditions(link.kind, [link.clause], by)
    begin = f"{kind}/".encode()
    inner = f"SELECT r.id FROM records_resource r WHERE {where}", given
    neighbours, held = _in("x.resource_id", inner, deep=bool(link.clause.links))
    test = f"x.v >= %s AND x.v < %s AND {neighbours}", [begin, after(begin), *held]
    target = TEXT_OF[connection.vendor].format(f"substr(x.v, {len(begin) + 1})")
    found, holds = _in("r.logical_id", _rows(_keys(clause.parameter), test, target), deep=False)
    return f"SELECT r.id FROM records_resource r WHERE r.kind = %s AND {found}", [kind, *holds]


def _family(parameter: Parameter, modifier: str, value: str, by: Principal) -> Part:
    """References to a resource or, by ``partof``, to what it is part of or has for parts."""
    name = values.reference(value) or ""
    kind = name.partition("/")[0]
    part = parameters.parent(kind)
    if part is None or (parameter.targets and kind not in parameter.targets):
        raise Malformed(parameter.name, "refers to nothing that has parts")
    scopes.check(by, kind, "s")
    seen, holds = access.visible(by, kind)
    row = ROW_REFERENCE[connection.vendor]
    pick, known = (row, "p.v") if modifier == "below" else ("p.v", row)
    marks = ", ".join(["%s"] * len(_keys(part)))
    # UNION, not UNION ALL: a circle ends.
    text = (
        f"x.v IN (WITH RECURSIVE h(v) AS (SELECT {_bytes('%s')} UNION SELECT {pick} "
        "FROM h JOIN records_indexrow p ON TRUE JOIN records_resource r ON r.id = p.resource_id "
        f"WHERE p.k IN ({marks}) AND {known} = h.v AND r.kind = %s AND NOT r.deleted AND {seen}) "
        "SELECT v FROM h)"
    )
    return text, [values.cut(name), *_keys(part), kind, *holds]


def _bytes(mark: str) -> str:
    return f"{mark}::bytea" if connection.vendor == "postgresql" else mark


def _missing(clause: Clause) -> Part:
    """Nothing at these places, not even what cannot be compared."""
    parameter = clause.parameter
    wanted = clause.values == ("true",)
    if parameter.type in _COLUMNS:
        return "FALSE" if wanted else "TRUE", []
    keys = [key for variant in VARIANTS for key in _keys(parameter, variant)]
    test: Part = "TRUE", []
    if parameter.resolved:
        keys = _keys(parameter)
        begin = [f"{target}/".encode() for target in parameter.targets]
        test = _any([("(x.v >= %s AND x.v < %s)", [one, after(one)]) for one in begin])
    marks = ", ".join(["%s"] * len(keys))
    text = f"SELECT 1 FROM records_indexrow x WHERE x.resource_id = r.id AND x.k IN ({marks})"
    word = "NOT EXISTS" if wanted else "EXISTS"
    return f"{word} ({text} AND ({test[0]}))", [*keys, *test[1]]


def _id(clause: Clause) -> Part:
    text, given = among([value.rpartition("/")[2].encode() for value in clause.values])
    return text.replace("x.v", "r.logical_id"), [value.decode() for value in given]


def _last_updated(clause: Clause) -> Part:
    said, given = [], []
    for value in clause.values:
        sign, moment = prefix(value)
        both = values.milliseconds_of(moment.replace(" ", "+"))
        if both is None:
            raise Malformed(clause.parameter.name, "is not a date that can be compared so")
        low, high = both
        if sign == "ap":
            by = abs(access.milliseconds() - low) // 10
            low, high, sign = low - by, high + by, "eq"
        text, needed = _UPDATED[sign]
        said.append(text)
        given += [{"low": low, "high": high}[name] for name in needed]
    return f"({' OR '.join(said)})", given


_UPDATED = {
    "eq": ("(r.updated_ms >= %s AND r.updated_ms < %s)", ("low", "high")),
    "ne": ("(r.updated_ms < %s OR r.updated_ms >= %s)", ("low", "high")),
    "gt": ("r.updated_ms >= %s", ("high",)),
    "sa": ("r.updated_ms >= %s", ("high",)),
    "ge": ("r.updated_ms >= %s", ("low",)),
    "lt": ("r.updated_ms < %s", ("low",)),
    "eb": ("r.updated_ms < %s", ("low",)),
    "le": ("r.updated_ms < %s", ("high",)),
}
_COLUMNS: dict[str, Callable[[Clause], Part]] = {"id": _id, "instant": _last_updated}
