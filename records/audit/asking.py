"""Searches of the trail: by those whose work is to look at it, and by patients of their own."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from django.core import signing
from django.db.models import Q

from kernel.errors import Missing
from kernel.principal import Principal
from records.audit.rendering import ID, OTHER, REST
from records.errors import Malformed
from records.models import AuditRow
from records.search import values
from records.search.comparisons import prefix

USUAL, MOST = 50, 1000
SALT = "records.audit"
SORTS = ("-date", "-_lastUpdated")
PASSED = frozenset({"_format", "_pretty", "_elements"})
OUTCOMES = {
    "0": Q(status__lt=400),
    "4": Q(status__gte=400, status__lt=500),
    "8": Q(status__gte=500),
    "12": Q(status__lt=0),
}


@dataclass(slots=True)
class Question:
    """A search of the trail understood."""

    conditions: list[Q] = field(default_factory=list)
    count: int = USUAL
    total: bool = False
    before: int | None = None
    used: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class Page:
    """Rows, newest first; ``next`` is the cursor of the page after, ``total`` where asked."""

    rows: list[AuditRow]
    total: int | None
    next: str


def may_ask(by: Principal) -> bool:
    """True for whom ``AuditEvent`` is the trail: auditors, and patients."""
    return by.has("auditor", "patient")


def ask(given: Iterable[tuple[str, str]], *, by: Principal) -> tuple[Page, Question]:
    """Search the trail for what ``by`` may see of it. Raises Malformed naming the parameter."""
    question = _understood(given)
    found = AuditRow.objects.filter(_seen(by), *question.conditions)
    total = found.count() if question.total or not question.count else None
    if question.before is not None:
        found = found.filter(pk__lt=question.before)
    rows = list(found.order_by("-pk")[: question.count + 1]) if question.count else []
    more = len(rows) > question.count
    rows = rows[: question.count]
    if total is None and not more and question.before is None:
        total = len(rows)
    return Page(rows, total, signing.dumps(rows[-1].pk, salt=SALT) if more else ""), question


def one(id_: str, *, by: Principal) -> AuditRow:
    """The row of this logical id. Raises Missing."""
    found = ID.fullmatch(id_)
    row = AuditRow.objects.filter(_seen(by), pk=int(found[1])).first() if found else None
    if row is None:
        raise Missing("no such AuditEvent")
    return row


def _seen(by: Principal) -> Q:
    """Auditors see what their institution's people did, and what was done to what it keeps."""
    if by.has("patient"):
        return Q(patient=by.reference.removeprefix("Patient/"))
    return Q(institution=by.institution) | Q(keeper=by.institution)


def _understood(given: Iterable[tuple[str, str]]) -> Question:
    question = Question()
    for name, value in given:
        if "\0" in value:
            raise Malformed(name[:80], "holds a control character")
        if name in _CONTROLS:
            _CONTROLS[name](question, name, value)
        elif name in _CRITERIA:
            parts = [_CRITERIA[name](name, part) for part in value.split(",") if part]
            if not parts:
                raise Malformed(name, "has no value")
            condition = parts[0]
            for part in parts[1:]:
                condition |= part
            question.conditions.append(condition)
        elif name not in PASSED:
            raise Malformed(name[:80], "AuditEvent has no such search parameter here")
        if name != "_cursor":
            question.used.append((name, value))
    return question


def _count(question: Question, name: str, value: str) -> None:
    if not value.isascii() or not value.isdigit() or len(value) > 9:
        raise Malformed(name, "must be a whole number")
    question.count = min(int(value), MOST)


def _total(question: Question, name: str, value: str) -> None:
    if value not in ("none", "estimate", "accurate"):
        raise Malformed(name, "must be none, estimate or accurate")
    question.total = value != "none"


def _summary(question: Question, name: str, value: str) -> None:
    if value not in ("count", "false"):
        raise Malformed(name, "only count and false are supported here")
    question.count = 0 if value == "count" else question.count


def _sort(question: Question, name: str, value: str) -> None:
    if value not in SORTS:
        raise Malformed(name, "the newest come first here: only -date is supported")


def _cursor(question: Question, name: str, value: str) -> None:
    try:
        question.before = int(signing.loads(value, salt=SALT))
    except signing.BadSignature:
        raise Malformed(name, "is not a cursor of this search") from None


def _date(name: str, value: str) -> Q:
    sign, moment = prefix(value)
    both = values.milliseconds_of(moment)
    if both is None or sign not in _DATES:
        raise Malformed(name, "is not a date that can be compared so")
    return _DATES[sign](*both)


_DATES: dict[str, Callable[[int, int], Q]] = {
    "eq": lambda low, high: Q(at_ms__gte=low, at_ms__lt=high),
    "ge": lambda low, high: Q(at_ms__gte=low),
    "gt": lambda low, high: Q(at_ms__gte=high),
    "sa": lambda low, high: Q(at_ms__gte=high),
    "le": lambda low, high: Q(at_ms__lt=high),
    "lt": lambda low, high: Q(at_ms__lt=low),
    "eb": lambda low, high: Q(at_ms__lt=low),
}


def _target(name: str, value: str, kind: str = "") -> tuple[str, str]:
    text = f"{kind}/{value}" if kind and "/" not in value else value
    found, _, id_ = (values.reference(text) or "").partition("/")
    if not id_ or (kind and found != kind):
        raise Malformed(name, f"must be a reference like {kind or 'Patient'}/id")
    return found, id_


def _patient(name: str, value: str) -> Q:
    return Q(patient=_target(name, value, "Patient")[1])


def _entity(name: str, value: str) -> Q:
    kind, id_ = _target(name, value)
    same = Q(kind=kind, logical_id=id_)
    return same | Q(patient=id_) if kind == "Patient" else same


def _agent(name: str, value: str) -> Q:
    kind, id_ = _target(name, value)
    same = Q(who=f"{kind}/{id_}")
    return same | Q(institution=id_) if kind == "Organization" else same


def _action(name: str, value: str) -> Q:
    return Q(action=value.rpartition("|")[2])


def _type(name: str, value: str) -> Q:
    code = value.rpartition("|")[2]
    if code == REST["code"]:
        return ~Q(interaction__in=list(OTHER))
    return Q(interaction__in=[key for key, coding in OTHER.items() if coding["code"] == code])


def _subtype(name: str, value: str) -> Q:
    code = value.rpartition("|")[2]
    return Q(interaction__startswith="$") if code == "operation" else Q(interaction=code)


def _outcome(name: str, value: str) -> Q:
    code = value.rpartition("|")[2]
    if code not in OUTCOMES:
        raise Malformed(name, f"must be one of {', '.join(OUTCOMES)}")
    return OUTCOMES[code]


def _id(name: str, value: str) -> Q:
    found = ID.fullmatch(value)
    return Q(pk=int(found[1])) if found else Q(pk__in=[])


_CONTROLS = {
    "_count": _count,
    "_total": _total,
    "_summary": _summary,
    "_sort": _sort,
    "_cursor": _cursor,
}
_CRITERIA: dict[str, Callable[[str, str], Q]] = {
    "_id": _id,
    "_lastUpdated": _date,
    "action": _action,
    "agent": _agent,
    "date": _date,
    "entity": _entity,
    "outcome": _outcome,
    "patient": _patient,
    "subtype": _subtype,
    "type": _type,
}
