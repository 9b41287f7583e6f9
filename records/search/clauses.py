"""Understands the query string of a search: pure, no database. Refuses what it does not know."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from records.errors import Malformed
from records.kinds import KINDS
from records.search import parameters
from records.search.parameters import Parameter
from records.subset import EVERYTHING, Subset

MOST = 1000
USUAL = 50
DEEPEST_CHAIN = 5
MOST_WAYS = 12
MOST_ENDS = 48
MOST_CRITERIA = 100
MOST_VALUES = 2000
SEPARATOR = re.compile(r"(?<!\\),")
BACKSLASH = "\ue000"
MODIFIERS = {
    "id": {"missing"},
    "instant": {"missing"},
    "string": {"exact", "contains", "missing"},
    "token": {"not", "missing", "text", "in", "not-in", "above", "below", "of-type"},
    "reference": {"identifier", "missing", "above", "below"},
    "date": {"missing"},
    "quantity": {"missing"},
    "number": {"missing"},
    "uri": {"missing", "above", "below"},
}
IGNORED = frozenset({"_format", "_pretty"})


@dataclass(frozen=True, slots=True)
class Link:
    """The search of a neighbour of type ``kind`` that must match."""

    kind: str
    clause: "Clause"


@dataclass(frozen=True, slots=True)
class Clause:
    """One criterion: any of ``values``, or any of ``links``; ``reverse`` for ``_has``."""

    parameter: Parameter
    modifier: str
    values: tuple[str, ...]
    links: tuple[Link, ...] = ()
    reverse: bool = False


@dataclass(frozen=True, slots=True)
class Sort:
    """One sort key."""

    parameter: Parameter
    descending: bool


@dataclass(frozen=True, slots=True)
class Include:
    """``_include``, ``_revinclude``: follow ``parameters`` of ``source`` (to ``target`` only).

    No source is every type, no target any.
    """

    source: str
    parameters: tuple[Parameter, ...]
    target: str
    reverse: bool
    again: bool


@dataclass(slots=True)
class Search:
    """A search understood; ``passed`` are the parameters that a lenient one passed over.

    ``paged`` says that the client wants pages of a size of its own.
    """

    kind: str
    clauses: list[Clause] = field(default_factory=list)
    sorts: list[Sort] = field(default_factory=list)
    includes: list[Include] = field(default_factory=list)
    count: int = USUAL
    paged: bool = False
    total: str = ""
    only_count: bool = False
    subset: Subset = EVERYTHING
    cursor: str = ""
    used: list[tuple[str, str]] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)


def parse(kind: str, given: Iterable[tuple[str, str]]) -> Search:
    """Understand a condition: criteria and nothing else. Raises Malformed naming one."""
    found = [clause(kind, *pair) for pair in given if pair[0] not in IGNORED]
    check_number(found)
    return Search(kind, found)


def check_number(found: Sequence[Clause]) -> None:
    """Refuse what no database should be asked at once. Raises Malformed."""
    if len(found) > MOST_CRITERIA:
        raise Malformed("", f"a search has at most {MOST_CRITERIA} criteria")
    if sum(len(one.values) for one in found) > MOST_VALUES:
        raise Malformed("", f"a search has at most {MOST_VALUES} values")


def clause(kind: str, name: str, value: str) -> Clause:
    """Understand one criterion. Raises Malformed naming it."""
    if name.count(".") + name.count("_has:") > DEEPEST_CHAIN:
        raise Malformed(name[:80], f"a chain has at most {DEEPEST_CHAIN} links")
    if name.startswith("_has:"):
        return _has(kind, name, value)
    if name == "_list":
        return _has(kind, "_has:List:item:_id", value)
    head, dot, rest = name.partition(".")
    code, colon, modifier = head.partition(":")
    parameter = find(kind, code)
    if parameter is None:
        raise Malformed(name, f"{kind} has no such search parameter here")
    if dot:
        return _chain(parameter, modifier, rest, value, name)
    if colon:
        _check_modifier(parameter, modifier, name, value)
    return Clause(parameter, modifier, _values(name, value))


def is_known(kind: str, name: str) -> bool:
    """True when ``name``, with whatever modifier, is a search parameter of ``kind``."""
    head = re.split(r"[.:]", name, maxsplit=1)[0]
    return head in ("_has", "_list") or find(kind, head) is not None


def _check_modifier(parameter: Parameter, modifier: str, name: str, value: str) -> None:
    if modifier not in MODIFIERS.get(parameter.type, ()) and modifier not in KINDS:
        raise Malformed(name, "this modifier is not supported")
    if modifier in KINDS and parameter.type != "reference":
        raise Malformed(name, "only references have a type")
    if modifier == "of-type" and "Identifier" not in parameter.datatypes:
        raise Malformed(name, "only identifiers are of a type")
    if modifier == "missing" and value not in ("true", "false"):
        raise Malformed(name, "must be true or false")


def _values(name: str, value: str) -> tuple[str, ...]:
    if "\0" in value:
        raise Malformed(name, "holds a control character")
    # A backslash that stands for itself must not escape what follows it.
    parts = SEPARATOR.split(value.replace("\\\\", BACKSLASH))
    values = tuple(part.replace("\\,", ",") for part in parts if part.strip())
    if not values:
        raise Malformed(name, "has no value")
    return values


def bare(text: str) -> str:
    """A part of a value without its escapes (search.html#escaping)."""
    if "\\" not in text and BACKSLASH not in text:
        return text
    return text.replace("\\$", "$").replace("\\|", "|").replace(BACKSLASH, "\\")


def find(kind: str, code: str) -> Parameter | None:
    """The parameter ``code`` of ``kind``."""
    return parameters.of(kind).get(code)


def _chain(parameter: Parameter, modifier: str, rest: str, value: str, name: str) -> Clause:
    """``subject:Patient.name=x``: one link, or more by recursion; every type that may be meant."""
    if parameter.type != "reference":
        raise Malformed(name, "only references can be chained")
    targets = [modifier] if modifier else [t for t in parameter.targets or KINDS if t in KINDS]
    fitting = [target for target in targets if target in KINDS and is_known(target, rest)]
    if not fitting:
        raise Malformed(name, "the chain leads to no search parameter")
    if len(fitting) > MOST_WAYS:
        raise Malformed(name, "leads to many types: say which is meant")
    links, wrong = [], []
    for target in fitting:
        try:
            links.append(Link(target, clause(target, rest, value)))
        except Malformed as error:
            wrong.append(error)
    if not links:
        raise wrong[0]
    found = Clause(parameter, "", (), tuple(links))
    if _ends(found) > MOST_ENDS:
        raise Malformed(name[:80], "leads to many types: say which is meant")
    return found


def _ends(found: Clause) -> int:
    """How many ways a chain ends in."""
    return sum(_ends(link.clause) for link in found.links) if found.links else 1


def _has(kind: str, name: str, value: str) -> Clause:
    """``_has:Observation:patient:code=x``."""
    parts = name.split(":", 3)
    source = parts[1] if len(parts) == 4 else ""
    parameter = find(source, parts[2]) if source in KINDS else None
    if parameter is None or parameter.type != "reference":
        raise Malformed(name, "must look like _has:Type:reference:parameter")
    if parameter.targets and kind not in parameter.targets:
        raise Malformed(name, f"{parts[2]} of {source} does not refer to {kind}")
    link = Link(source, clause(source, parts[3], value))
    return Clause(parameter, "", (), (link,), reverse=True)
