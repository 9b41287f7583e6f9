"""Turns clauses into SQL: each criterion is a subselect of resource keys, joined by INTERSECT.

Measured: intersecting index scans answers several criteria in a tenth of the time of joins.
"""

# Text is made of constants and marks only; every value travels as a parameter.
# ruff: noqa: S608

import math
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import connection

from kernel.principal import Principal
from records import access, scopes
from records.errors import Malformed
from records.kinds import KINDS
from records.search import values
from records.search.clauses import Clause, prefix
from records.search.parameters import Parameter

Part = tuple[str, list[Any]]
# The two databases spell these three differently.
ROW_REFERENCE = {
    "postgresql": "convert_to(r.kind || '/' || r.logical_id, 'UTF8')",
    "sqlite": "CAST(r.kind || '/' || r.logical_id AS BLOB)",
}
TEXT_OF = {"postgresql": "convert_from({0}, 'UTF8')", "sqlite": "CAST({0} AS TEXT)"}
HOLDS = {"postgresql": "position(%s::bytea in x.v) > 0", "sqlite": "instr(x.v, %s) > 0"}
DAY = 86_400_000_000
LARGEST_EXPONENT = 400


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
        if clause.parameter.type in _COLUMNS and not clause.modifier:
            text, given = _COLUMNS[clause.parameter.type](clause)
        elif clause.modifier in ("not", "missing"):
            text, given = _negative(clause)
        else:
            keys.append(_subselect(kind, clause, by))
            continue
        said.append(text)
        values_ += given
    if keys:
        said.append(f"r.id IN ({' INTERSECT '.join(text for text, _ in keys)})")
        values_ += [value for _, given in keys for value in given]
    return " AND ".join(said), values_


def _subselect(kind: str, clause: Clause, by: Principal) -> Part:
    if clause.reverse:
        return _has(kind, clause, by)
    if clause.chain:
        return _chain(clause, by)
    variant = ":identifier" if clause.modifier == "identifier" else ""
    parts = [_value(clause, value) for value in clause.values]
    keys = [slot.key(variant) for slot in clause.parameter.slots]
    if all(extra is None for _, _, extra in parts):
        test = " OR ".join(text for text, _, _ in parts)
        given = [value for _, given, _ in parts for value in given]
        return _rows(keys, test, given)
    # A date's end lies in rows of its own.
    selects = [
        _rows([slot.key(extra or "") for slot in clause.parameter.slots], text, given)
        for text, given, extra in parts
    ]
    union = " UNION ".join(text for text, _ in selects)
    return f"SELECT * FROM ({union}) AS u", [v for _, given in selects for v in given]


def _rows(
    keys: Sequence[int], test: str, given: Sequence[Any], pick: str = "x.resource_id"
) -> Part:
    marks = ", ".join(["%s"] * len(keys))
    where = f"x.k = {marks}" if len(keys) == 1 else f"x.k IN ({marks})"
    return (
        f"SELECT {pick} FROM records_indexrow x WHERE {where} AND ({test})",
        [*keys, *given],
    )


def _chain(clause: Clause, by: Principal) -> Part:
    """Rows that refer to a visible resource which matches the rest of the chain.

    What a token may not search it may not ask about either: hits alone would tell.
    """
    assert clause.chain is not None  # noqa: S101
    scopes.check(by, clause.kind, "s")
    where, given = conditions(clause.kind, [clause.chain], by)
    row = ROW_REFERENCE[connection.vendor]
    test = f"x.v IN (SELECT {row} FROM records_resource r WHERE {where})"
    return _rows([slot.key() for slot in clause.parameter.slots], test, given)


def _has(kind: str, clause: Clause, by: Principal) -> Part:
    """Resources to which a visible, matching resource refers."""
    assert clause.chain is not None  # noqa: S101
    scopes.check(by, clause.kind, "s")
    where, given = conditions(clause.kind, [clause.chain], by)
    begin = f"{kind}/".encode()
    test = (
        "x.v >= %s AND x.v < %s AND x.resource_id IN "
        f"(SELECT r.id FROM records_resource r WHERE {where})"
    )
    keys = [slot.key() for slot in clause.parameter.slots]
    target = TEXT_OF[connection.vendor].format(f"substr(x.v, {len(begin) + 1})")
    inner, holds = _rows(keys, test, [begin, _after(begin), *given], pick=target)
    return (
        f"SELECT r.id FROM records_resource r WHERE r.kind = %s AND r.logical_id IN ({inner})",
        [kind, *holds],
    )


def _negative(clause: Clause) -> Part:
    keys = [slot.key() for slot in clause.parameter.slots]
    if clause.modifier == "not":
        parts = [_token(clause.parameter, value) for value in clause.values]
        rows, given = _rows(
            keys, " OR ".join(text for text, _ in parts), [v for _, g in parts for v in g]
        )
        return f"r.id NOT IN ({rows})", given
    marks = ", ".join(["%s"] * len(keys))
    word = "NOT EXISTS" if clause.values == ("true",) else "EXISTS"
    rows = f"SELECT 1 FROM records_indexrow x WHERE x.resource_id = r.id AND x.k IN ({marks})"
    return f"{word} ({rows})", list(keys)


def _id(clause: Clause) -> Part:
    return f"r.logical_id IN ({', '.join(['%s'] * len(clause.values))})", list(clause.values)


def _last_updated(clause: Clause) -> Part:
    said, given = [], []
    for value in clause.values:
        sign, moment = prefix(value)
        both = values.milliseconds_of(moment)
        if both is None or sign in ("ne", "ap"):
            raise Malformed(clause.parameter.name, "is not a date that can be compared so")
        low, high = both
        text, needed = _UPDATED[sign]
        said.append(text)
        given += [{"low": low, "high": high}[name] for name in needed]
    return f"({' OR '.join(said)})", given


_UPDATED = {
    "eq": ("(r.updated_ms >= %s AND r.updated_ms < %s)", ("low", "high")),
    "gt": ("r.updated_ms >= %s", ("high",)),
    "sa": ("r.updated_ms >= %s", ("high",)),
    "ge": ("r.updated_ms >= %s", ("low",)),
    "lt": ("r.updated_ms < %s", ("low",)),
    "eb": ("r.updated_ms < %s", ("low",)),
    "le": ("r.updated_ms < %s", ("high",)),
}
_COLUMNS: dict[str, Callable[[Clause], Part]] = {"id": _id, "instant": _last_updated}


def _value(clause: Clause, value: str) -> tuple[str, list[Any], str | None]:
    """A test of ``x.v``; the third part names the variant of the rows, if any."""
    parameter = clause.parameter
    if clause.modifier == "identifier":
        return (*_token(parameter, value), None)
    if parameter.type == "date":
        return _date(parameter, value)
    if parameter.type == "reference":
        return (*_reference(clause, value), None)
    if parameter.type == "string":
        return (*_string(clause, value), None)
    return (*_SIMPLE[parameter.type](parameter, value), None)


def _after(begin: bytes) -> bytes:
    """The least bytes after everything that begins so."""
    bare = begin.rstrip(b"\xff")
    return bare[:-1] + bytes([bare[-1] + 1]) if bare else values.FOREVER * 4


def _begins(begin: bytes) -> Part:
    return "(x.v >= %s AND x.v < %s)", [begin, _after(begin)]


def _string(clause: Clause, value: str) -> Part:
    folded = values.cut(values.fold(value))
    if clause.modifier == "exact":
        return "x.v = %s", [values.text_row(value)]
    if clause.modifier == "contains":
        return HOLDS[connection.vendor], [folded]
    return _begins(folded)


def _token(parameter: Parameter, value: str) -> Part:
    system, bar, code = value.rpartition("|")
    if parameter.plain_codes:
        return _begins(values.cut(f"{code}|"))
    if bar and not code:
        tail = values.cut(f"|{system}")
        return "substr(x.v, length(x.v) - %s) = %s", [len(tail) - 1, tail]
    if bar:
        return "x.v = %s", [values.token(system, code)]
    return _begins(values.cut(f"{code}|"))


def _reference(clause: Clause, value: str) -> Part:
    target = values.reference(value) or ""
    if "/" not in target and not target.startswith("urn:"):
        kinds = [clause.modifier] if clause.modifier else clause.parameter.targets or sorted(KINDS)
        targets = [values.cut(f"{kind}/{target}") for kind in kinds]
    else:
        targets = [values.cut(target)]
    return f"x.v IN ({', '.join(['%s'] * len(targets))})", list(targets)


def _date(parameter: Parameter, value: str) -> tuple[str, list[Any], str | None]:
    sign, moment = prefix(value)
    both = values.span(moment)
    if both is None:
        raise Malformed(parameter.name, "is not a date")
    low, high = both
    if sign == "ap":
        low, high, sign = _shift(low, -DAY), _shift(high, DAY), "eq"
    inside = "(x.v >= %s AND x.v < %s AND substr(x.v, 9, 8) <= %s)"
    tests: dict[str, tuple[str, list[Any], str | None]] = {
        "eq": (inside, [low, high, high], None),
        "ne": (f"NOT {inside}", [low, high, high], None),
        "gt": ("x.v > %s", [high], ":end"),
        "ge": ("x.v > %s", [low], ":end"),
        "lt": ("x.v < %s", [low], None),
        "le": ("x.v < %s", [high], None),
        "sa": ("x.v >= %s", [high], None),
        "eb": ("x.v <= %s", [low], ":end"),
    }
    return tests[sign]


def _shift(moment: bytes, by: int) -> bytes:
    return max(int.from_bytes(moment) + by, 0).to_bytes(8)


def _number(parameter: Parameter, value: str) -> Part:
    sign, text = prefix(value)
    try:
        exact = Decimal(text)
        middle = float(exact)
    except (InvalidOperation, OverflowError):
        raise Malformed(parameter.name, "is not a number") from None
    if not math.isfinite(middle):
        raise Malformed(parameter.name, "is not a number")
    # "100" means 99.5 to 100.5: the precision that was written (search.html, number).
    exponent = exact.as_tuple().exponent
    if not isinstance(exponent, int) or abs(exponent) > LARGEST_EXPONENT:
        raise Malformed(parameter.name, "is not a number of any quantity")
    half = float(Decimal(5).scaleb(exponent - 1))
    if sign == "ap":
        half = max(half, abs(middle) / 10)
    low, high = values.number(middle - half), values.number(middle + half)
    here, above = values.number(middle), values.number(math.nextafter(middle, math.inf))
    tests: dict[str, Part] = {
        "eq": ("(x.v >= %s AND x.v < %s)", [low, high]),
        "ap": ("(x.v >= %s AND x.v < %s)", [low, high]),
        "ne": ("(x.v < %s OR x.v >= %s)", [low, high]),
        "gt": ("x.v >= %s", [above]),
        "sa": ("x.v >= %s", [above]),
        "ge": ("x.v >= %s", [here]),
        "lt": ("x.v < %s", [here]),
        "eb": ("x.v < %s", [here]),
        "le": ("x.v < %s", [above]),
    }
    return tests[sign]


def _quantity(parameter: Parameter, value: str) -> Part:
    number, bar, unit = value.partition("|")
    test, given = _number(parameter, number)
    if not bar:
        return test, given
    system, _, code = unit.rpartition("|")
    if system:
        tail = values.token(system, code)
        return f"({test} AND substr(x.v, 9) = %s)", [*given, tail]
    head = values.cut(f"{code}|")
    return f"({test} AND substr(x.v, 9, %s) = %s)", [*given, len(head), head]


def _uri(parameter: Parameter, value: str) -> Part:
    return "x.v = %s", [values.cut(value)]


_SIMPLE: dict[str, Callable[[Parameter, str], Part]] = {
    "token": _token,
    "number": _number,
    "quantity": _quantity,
    "uri": _uri,
}
