"""``:in``, ``:not-in``, ``:above`` and ``:below`` of codes: terminology says which are meant."""

from collections.abc import Sequence
from dataclasses import replace

from kernel.errors import Invalid, Missing
from kernel.principal import Principal
from records import reading, terminology
from records.errors import Malformed
from records.search import values
from records.search.clauses import Clause
from records.search.parameters import Parameter

MEANT = {"in": "codes", "not-in": "not-codes", "above": "codes", "below": "codes"}


def resolved(clauses: Sequence[Clause], *, by: Principal) -> list[Clause]:
    """The same criteria, sets of codes spelt out, in chains too.

    Raises Malformed where terminology cannot say which codes are meant.
    """
    return [_resolved(clause, by) for clause in clauses]


def _resolved(clause: Clause, by: Principal) -> Clause:
    if clause.links:
        links = [replace(link, clause=_resolved(link.clause, by)) for link in clause.links]
        return replace(clause, links=tuple(links))
    if clause.parameter.type != "token" or clause.modifier not in MEANT:
        return clause
    found: set[tuple[str, str]] = set()
    for value in clause.values:
        found |= _codes(clause.parameter, clause.modifier, value, by)
    codes = tuple(f"{system}|{code}" for system, code in sorted(found))
    return Clause(clause.parameter, MEANT[clause.modifier], codes)


def _codes(
    parameter: Parameter, modifier: str, value: str, by: Principal
) -> frozenset[tuple[str, str]]:
    try:
        if modifier in ("in", "not-in"):
            return terminology.codes_in(_address(value, by), by=by)
        system, _, code = value.rpartition("|")
        near = terminology.below if modifier == "below" else terminology.above
        if system and code:
            return near(system, code, by=by)
    except Missing as error:
        raise Malformed(f"{parameter.name}:{modifier}", error.says) from None
    except Invalid as error:
        raise Malformed(f"{parameter.name}:{modifier}", error.issues[0][1]) from None
    raise Malformed(f"{parameter.name}:{modifier}", "must look like system|code")


def _address(value: str, by: Principal) -> str:
    """The canonical address of a value set, which may be told by its place here."""
    if not values.own(value):
        return value
    kind, _, id_ = (values.reference(value) or "").partition("/")
    return str(reading.current(kind, id_, by=by).body.get("url", value))
