"""Understands a whole query string: criteria, and how the results shall come (``_sort`` …)."""

from collections.abc import Iterable
from functools import cache

from records.errors import Malformed
from records.kinds import KINDS
from records.search import clauses, parameters
from records.search.clauses import IGNORED, MOST, Include, Search, Sort
from records.search.parameters import Parameter

SORT_KEYS = 5
MOST_INCLUDES = 40
UNSORTABLE = frozenset({"composite", "special"})


def parse(kind: str, given: Iterable[tuple[str, str]], *, lenient: bool = False) -> Search:
    """Understand a search of ``kind``.

    ``lenient`` passes over unknown parameters (``Prefer: handling=lenient``). Raises Malformed
    naming the parameter.
    """
    search = Search(kind)
    for name, value in given:
        if name in IGNORED:
            continue
        control = _CONTROLS.get(name.partition(":")[0])
        if control:
            control(search, name, value)
        elif lenient and not clauses.is_known(kind, name):
            search.passed.append(name)
            continue
        else:
            search.clauses.append(clauses.clause(kind, name, value))
        if name != "_cursor":
            search.used.append((name, value))
    clauses.check_number(search.clauses)
    if len(search.includes) > MOST_INCLUDES:
        raise Malformed("_include", f"at most {MOST_INCLUDES} can be followed")
    if search.includes and search.subset.text_only:
        raise Malformed("_summary", "text cannot be had together with _include")
    return search


def _count(search: Search, name: str, value: str) -> None:
    if not value.isascii() or not value.isdigit():
        raise Malformed(name, "must be a whole number")
    search.count = min(int(value[:9]), MOST)
    search.paged = True
    search.only_count = search.only_count or search.count == 0


def _sort(search: Search, name: str, value: str) -> None:
    keys = value.split(",")
    if len(keys) > SORT_KEYS:
        raise Malformed(name, f"has at most {SORT_KEYS} keys")
    for key in keys:
        parameter = clauses.find(search.kind, key.removeprefix("-"))
        if parameter is None or parameter.type in UNSORTABLE:
            raise Malformed(name, f"{key.removeprefix('-')[:40]} cannot be sorted by")
        search.sorts.append(Sort(parameter, key.startswith("-")))


def _total(search: Search, name: str, value: str) -> None:
    if value not in ("none", "estimate", "accurate"):
        raise Malformed(name, "must be none, estimate or accurate")
    search.total = value


def _summary(search: Search, name: str, value: str) -> None:
    search.only_count = search.only_count or value == "count"
    if value != "count":
        search.subset = search.subset.summarised(value)


def _elements(search: Search, name: str, value: str) -> None:
    search.subset = search.subset.limited(search.kind, value)


def _include(search: Search, name: str, value: str) -> None:
    control, _, modifier = name.partition(":")
    reverse = control == "_revinclude"
    if modifier not in ("", "iterate", "recurse"):
        raise Malformed(name, "this modifier is not supported")
    again = bool(modifier)
    if value == "*":
        source = "" if reverse else search.kind
        search.includes.append(Include(source, _references(source), "", reverse, again))
        return
    source, code, target = [*value.split(":"), "", ""][:3]
    if source not in KINDS or (target and target not in KINDS):
        raise Malformed(name, "names a type that is not served")
    found = [p for p in _references(source) if code in ("*", p.name)]
    if not found:
        raise Malformed(name, "names no reference of that type")
    search.includes.append(Include(source, tuple(found), target, reverse, again))


@cache
def _references(kind: str) -> tuple[Parameter, ...]:
    """The reference parameters of a type, or of every type."""
    kinds = [kind] if kind else list(KINDS)
    return tuple(p for one in kinds for p in parameters.of(one).values() if p.type == "reference")


def _contained(search: Search, name: str, value: str) -> None:
    if value != "false":
        raise Malformed(name, "contained resources are not searched here: false is all there is")


def _cursor(search: Search, name: str, value: str) -> None:
    search.cursor = value


_CONTROLS = {
    "_count": _count,
    "_sort": _sort,
    "_total": _total,
    "_summary": _summary,
    "_elements": _elements,
    "_include": _include,
    "_revinclude": _include,
    "_contained": _contained,
    "_cursor": _cursor,
}
