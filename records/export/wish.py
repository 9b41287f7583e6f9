"""What an export is asked for: the parameters of ``$export`` understood (Bulk Data 2.0.0, export).

No database. What one may see is decided where rows are read.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qsl

from kernel.errors import Forbidden
from kernel.principal import Principal
from records import scopes
from records.errors import Malformed
from records.kinds import KINDS
from records.search import clauses, controls, values
from records.subset import EVERYTHING, Subset

Level = Literal["system", "Patient", "Group"]
FORMATS = frozenset({"application/fhir+ndjson", "application/ndjson", "ndjson"})
MOST_FILTERS = 50
MOST_PATIENTS = 10_000
# Commas stand between filters and inside them: one that parts two is followed by the next type.
BETWEEN_FILTERS = re.compile(r",(?=[A-Z][A-Za-z]+\?)")
ELEMENT = re.compile(r"(?:(?P<kind>[A-Z][A-Za-z]+)\.)?(?P<name>[a-z][A-Za-z]*)")


@dataclass(slots=True)
class Wish:
    """An export understood.

    ``kinds`` are the types to read; ``filters`` are searches (query strings) by type, of which one
    must match; ``elements`` are names, with or without a type; ``since_ms`` and ``until_ms`` are
    instants; ``patients`` are logical ids, None for all; ``notes`` say what was passed over.
    """

    level: Level
    kinds: list[str] = field(default_factory=list)
    filters: dict[str, list[str]] = field(default_factory=dict)
    elements: list[str] = field(default_factory=list)
    since_ms: int | None = None
    until_ms: int | None = None
    patients: list[str] | None = None
    lenient: bool = False
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """For the column; ``Wish(**json)`` reads it."""
        return asdict(self)

    def subset(self, kind: str) -> Subset:
        """What to leave of resources of ``kind``: all of those of which no element speaks."""
        parts = [element.rpartition(".") for element in self.elements]
        names = frozenset(name for one, _, name in parts if one in ("", kind))
        return Subset(kind=kind, elements=names) if names else EVERYTHING

    def pass_over(self, name: str, says: str) -> None:
        """Note what a lenient client loses; refuse a strict one. Raises Malformed."""
        if not self.lenient:
            raise Malformed(name, says)
        self.notes.append(f"{name} was ignored: {says}")


def understand(
    given: Iterable[tuple[str, Any]], *, level: Level, by: Principal, lenient: bool
) -> Wish:
    """The wish of ``by``. Raises Malformed naming a parameter, Forbidden for a type not granted."""
    wish = Wish(level, lenient=lenient)
    asked: list[str] = []
    for name, value in given:
        if name == "_type":
            asked += _words(value)
        elif name in _READERS:
            _READERS[name](wish, name, value)
        else:
            wish.pass_over(name, "is no parameter of this export")
    wish.kinds = _kinds(wish, list(dict.fromkeys(asked)), by)
    _check_filters(wish)
    return wish


def _words(value: Any) -> list[str]:
    return [word.strip() for word in str(value).split(",") if word.strip()]


def _kinds(wish: Wish, asked: Sequence[str], by: Principal) -> list[str]:
    known = [kind for kind in KINDS if wish.level == "system" or in_compartment(kind)]
    for kind in asked:
        if kind not in KINDS:
            wish.pass_over("_type", f"{kind[:40]} is not served")
    wanted = [kind for kind in asked if kind in known]
    if asked and not wanted:
        raise Malformed("_type", "names no type that this export holds")
    for kind in wanted:
        for letter in "rs":
            scopes.check(by, kind, letter)
    found = wanted or [kind for kind in known if _opens(by, kind)]
    if not found:
        raise Forbidden("the token opens no type to be exported (system/[type].rs)")
    return found


def in_compartment(kind: str) -> bool:
    """True for what can lie in the record of a patient."""
    return kind == "Patient" or bool(KINDS[kind].patient)


def _opens(by: Principal, kind: str) -> bool:
    return not by.has("partner") or all(scopes.opens(by.scopes, kind, one) for one in "rs")


def _format(wish: Wish, name: str, value: Any) -> None:
    # A plus sign that the client did not encode arrives as a space.
    if str(value).replace(" ", "+") not in FORMATS:
        raise Malformed(name, f"only {', '.join(sorted(FORMATS))} can be made")


def _moment(name: str, value: Any) -> int:
    span = values.span(str(value).replace(" ", "+"))
    if span is None:
        raise Malformed(name, "is not an instant")
    # Rounded down: nothing that changed after it may be missed.
    return (int.from_bytes(span[0]) - values.MICROSECONDS_TO_1970) // 1000


def _since(wish: Wish, name: str, value: Any) -> None:
    wish.since_ms = _moment(name, value)


def _until(wish: Wish, name: str, value: Any) -> None:
    wish.until_ms = _moment(name, value)


def _elements(wish: Wish, name: str, value: Any) -> None:
    for word in _words(value):
        found = ELEMENT.fullmatch(word)
        if found is None or (found["kind"] and found["kind"] not in KINDS):
            raise Malformed(name, f"{word[:40]} is no element at the root of a served type")
        wish.elements.append(word)


def _filter(wish: Wish, name: str, value: Any) -> None:
    for text in BETWEEN_FILTERS.split(str(value)):
        kind, mark, query = text.strip().partition("?")
        if kind not in KINDS or not mark or not query:
            raise Malformed(name, "must look like Type?parameter=value")
        wish.filters.setdefault(kind, []).append(query)


def _patient(wish: Wish, name: str, value: Any) -> None:
    said = value.get("reference") if isinstance(value, dict) else value
    kind, _, id_ = (values.reference(said) or "" if isinstance(said, str) else "").partition("/")
    if kind != "Patient" or not id_ or "\0" in id_:
        raise Malformed(name, "must be a reference to a Patient")
    if wish.level == "system":
        raise Malformed(name, "is for exports of Patient and Group")
    wish.patients = [*(wish.patients or []), id_]
    if len(wish.patients) > MOST_PATIENTS:
        raise Malformed(name, f"at most {MOST_PATIENTS} patients can be named")


def _associated(wish: Wish, name: str, value: Any) -> None:
    wish.pass_over(name, "is not supported")


_READERS = {
    "_outputFormat": _format,
    "_since": _since,
    "_until": _until,
    "_elements": _elements,
    "_typeFilter": _filter,
    "patient": _patient,
    "includeAssociatedData": _associated,
}


def _check_filters(wish: Wish) -> None:
    if sum(map(len, wish.filters.values())) > MOST_FILTERS:
        raise Malformed("_typeFilter", f"at most {MOST_FILTERS} filters can be given")
    for kind, queries in list(wish.filters.items()):
        if kind not in wish.kinds:
            wish.pass_over("_typeFilter", f"{kind} is not among the types of this export")
            del wish.filters[kind]
            continue
        for query in queries:
            criteria(kind, query, lenient=wish.lenient)


def criteria(kind: str, query: str, *, lenient: bool) -> list[clauses.Clause]:
    """The clauses of one ``_typeFilter``. Raises Malformed."""
    pairs = parse_qsl(query, keep_blank_values=True)
    search = controls.parse(kind, pairs, lenient=lenient)
    if search.cursor or len(search.clauses) < len(search.used):
        raise Malformed("_typeFilter", "what shapes an answer (_sort, _include) filters nothing")
    return search.clauses
