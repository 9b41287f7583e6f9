"""Understands the query string of a search: pure, no database. Refuses what it does not know."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from records.errors import Malformed
from records.kinds import KINDS
from records.search import parameters
from records.search.parameters import Parameter

MOST = 1000
USUAL = 50
SORT_KEYS = 3
DEEPEST_CHAIN = 5
PREFIX = re.compile(r"(eq|ne|gt|ge|lt|le|sa|eb|ap)(?=[\d-])")
SEPARATOR = re.compile(r"(?<!\\),")
MODIFIERS = {
    "string": {"exact", "contains", "missing"},
    "token": {"not", "missing"},
    "reference": {"identifier", "missing"},
    "date": {"missing"},
    "quantity": {"missing"},
    "number": {"missing"},
    "uri": {"missing"},
}
IGNORED = frozenset({"_format", "_pretty"})
COMMON = {
    "_id": Parameter("_id", "id", ()),
    "_lastUpdated": Parameter("_lastUpdated", "instant", ()),
}


@dataclass(frozen=True, slots=True)
class Clause:
    """One criterion: any of ``values``. ``chain`` is the search of a neighbour that must match."""

    parameter: Parameter
    modifier: str
    values: tuple[str, ...]
    chain: "Clause | None" = None
    kind: str = ""
    reverse: bool = False


@dataclass(frozen=True, slots=True)
class Sort:
    """One sort key; ``parameter`` is ``_id``, ``_lastUpdated`` or one of the type's."""

    parameter: Parameter
    descending: bool


@dataclass(frozen=True, slots=True)
class Include:
    """``_include``, ``_revinclude``: follow ``parameters`` of ``source`` (to ``target`` only)."""

    source: str
    parameters: tuple[Parameter, ...]
    target: str
    reverse: bool
    again: bool


@dataclass(slots=True)
class Search:
    """A search understood."""

    kind: str
    clauses: list[Clause] = field(default_factory=list)
    sorts: list[Sort] = field(default_factory=list)
    includes: list[Include] = field(default_factory=list)
    count: int = USUAL
    total: bool = False
    only_count: bool = False
    cursor: str = ""
    used: list[tuple[str, str]] = field(default_factory=list)


def parse(kind: str, given: Iterable[tuple[str, str]], *, lenient: bool = False) -> Search:
    """Understand a search of ``kind``.

    ``lenient`` passes over unknown parameters (``Prefer: handling=lenient``). Raises Malformed
    naming the parameter.
    """
    search = Search(kind)
    for name, value in given:
        if name.count(".") + name.count("_has:") > DEEPEST_CHAIN:
            raise Malformed(name[:80], f"a chain has at most {DEEPEST_CHAIN} links")
        if name in IGNORED:
            continue
        control = _CONTROLS.get(name.partition(":")[0])
        if control:
            control(search, name, value)
        else:
            clause = _clause(kind, name, value, lenient=lenient)
            if clause is None:
                continue
            search.clauses.append(clause)
        if name != "_cursor":
            search.used.append((name, value))
    return search


def _clause(kind: str, name: str, value: str, *, lenient: bool = False) -> Clause | None:
    if name.startswith("_has:"):
        return _has(kind, name, value)
    head, dot, rest = name.partition(".")
    code, colon, modifier = head.partition(":")
    parameter = find(kind, code)
    if parameter is None:
        if lenient:
            return None
        raise Malformed(name, f"{kind} has no such search parameter here")
    if dot:
        return _chain(parameter, modifier, rest, value, name)
    if colon and modifier not in MODIFIERS.get(parameter.type, ()) and modifier not in KINDS:
        raise Malformed(name, "this modifier is not supported")
    if modifier in KINDS and parameter.type != "reference":
        raise Malformed(name, "only references have a type")
    if modifier == "missing" and value not in ("true", "false"):
        raise Malformed(name, "must be true or false")
    return Clause(parameter, modifier, _values(name, value))


def _values(name: str, value: str) -> tuple[str, ...]:
    values = tuple(part.replace("\\,", ",") for part in SEPARATOR.split(value) if part.strip())
    if not values:
        raise Malformed(name, "has no value")
    if "\0" in value:
        raise Malformed(name, "holds a control character")
    return values


def find(kind: str, code: str) -> Parameter | None:
    """The parameter ``code`` of ``kind``, common ones included."""
    return COMMON.get(code) or parameters.of(kind).get(code)


def _chain(parameter: Parameter, modifier: str, rest: str, value: str, name: str) -> Clause:
    """``subject:Patient.name=x``: one link, or more by recursion."""
    if parameter.type != "reference":
        raise Malformed(name, "only references can be chained")
    targets = [modifier] if modifier else [t for t in parameter.targets or KINDS if t in KINDS]
    code = rest.partition(".")[0].partition(":")[0]
    fitting = [target for target in targets if target in KINDS and find(target, code)]
    if not fitting:
        raise Malformed(name, "the chain leads to no search parameter")
    if len(fitting) > 1:
        raise Malformed(name, f"says not which type is meant: {', '.join(sorted(fitting))}")
    inner = _clause(fitting[0], rest, value)
    return Clause(parameter, "", (), inner, fitting[0])


def _has(kind: str, name: str, value: str) -> Clause:
    """``_has:Observation:patient:code=x``."""
    parts = name.split(":", 3)
    source = parts[1] if len(parts) == 4 else ""
    parameter = find(source, parts[2]) if source in KINDS else None
    if parameter is None or parameter.type != "reference":
        raise Malformed(name, "must look like _has:Type:reference:parameter")
    if parameter.targets and kind not in parameter.targets:
        raise Malformed(name, f"{parts[2]} of {source} does not refer to {kind}")
    return Clause(parameter, "", (), _clause(source, parts[3], value), source, reverse=True)


def prefix(value: str) -> tuple[str, str]:
    """The comparison and the value of ``ge2024``; ``eq`` when none is said."""
    found = PREFIX.match(value)
    return (found[1], value[2:]) if found else ("eq", value)


def _count(search: Search, name: str, value: str) -> None:
    if not value.isascii() or not value.isdigit() or len(value) > 9:
        raise Malformed(name, "must be a whole number")
    search.count = min(int(value), MOST)
    search.only_count = search.only_count or search.count == 0


def _sort(search: Search, name: str, value: str) -> None:
    for key in value.split(",")[:SORT_KEYS]:
        parameter = find(search.kind, key.lstrip("-"))
        if parameter is None or parameter.type in ("reference", "special"):
            raise Malformed(name, f"{key.lstrip('-')[:40]} cannot be sorted by")
        search.sorts.append(Sort(parameter, key.startswith("-")))


def _total(search: Search, name: str, value: str) -> None:
    if value not in ("none", "estimate", "accurate"):
        raise Malformed(name, "must be none, estimate or accurate")
    search.total = value != "none"


def _summary(search: Search, name: str, value: str) -> None:
    if value not in ("count", "false"):
        raise Malformed(name, "only count and false are supported")
    search.only_count = value == "count"


def _include(search: Search, name: str, value: str) -> None:
    control, _, modifier = name.partition(":")
    if modifier not in ("", "iterate"):
        raise Malformed(name, "this modifier is not supported")
    source, code, target = [*value.split(":"), "", ""][:3]
    if source not in KINDS or (target and target not in KINDS):
        raise Malformed(name, "names a type that is not served")
    known = parameters.of(source)
    wanted: Sequence[Parameter | None] = list(known.values()) if code == "*" else [known.get(code)]
    chosen = tuple(p for p in wanted if p is not None and p.type == "reference")
    if not chosen:
        raise Malformed(name, "names no reference of that type")
    search.includes.append(
        Include(source, chosen, target, control == "_revinclude", modifier == "iterate")
    )


def _cursor(search: Search, name: str, value: str) -> None:
    search.cursor = value


_CONTROLS = {
    "_count": _count,
    "_sort": _sort,
    "_total": _total,
    "_summary": _summary,
    "_include": _include,
    "_revinclude": _include,
    "_cursor": _cursor,
}
