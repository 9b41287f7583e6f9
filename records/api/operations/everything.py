"""Patient/$everything and Encounter/$everything (FHIR R4): one searchset, or pages of it.

Without ``_count`` the answer is one Bundle, as long as it holds no more than ``MOST_AT_ONCE``.
"""

from typing import Any

from django.core import signing
from django.http import HttpResponse

from records import everything, reading, scopes
from records.api import wire
from records.api.operations import parameters
from records.api.operations.row import STANDARD, Operation
from records.errors import Malformed, TooCostly
from records.everything.gathering import Record, Span, Wish
from records.kinds import KINDS
from records.search import values

Given = dict[str, list[Any]]
MOST_AT_ONCE = 5000
SALT = "records.everything"
KNOWN = frozenset({"_since", "_type", "_count", "_cursor"})


def of_patient(exchange: wire.Exchange) -> HttpResponse:
    """A patient's whole record; for a patient who names none, their own."""
    id_ = exchange.id
    if not id_:
        if not exchange.by.has("patient"):
            raise TooCostly("", "name one patient, or use $export")
        id_ = exchange.by.reference.removeprefix("Patient/")
    given = _given(exchange, KNOWN | {"start", "end"})
    _check_seen(exchange, "Patient", id_)
    first, end = (_span(given, name) for name in ("start", "end"))
    span = Span(first[0] if first else b"", end[1] if end else b"")
    return _answer(exchange, given, _wish(f"Patient/{id_}", id_, given, span))


def of_encounter(exchange: wire.Exchange) -> HttpResponse:
    """What belongs to one encounter."""
    given = _given(exchange, KNOWN)
    body = _check_seen(exchange, "Encounter", exchange.id)
    subject = values.reference(body.get("subject", {}).get("reference", "")) or ""
    patient = subject.removeprefix("Patient/") if subject.startswith("Patient/") else ""
    return _answer(exchange, given, _wish(f"Encounter/{exchange.id}", patient, given, Span()))


def _given(exchange: wire.Exchange, known: frozenset[str]) -> Given:
    given = parameters.given(exchange)
    cursor = exchange.request.GET.get("_cursor")
    if cursor is not None:
        given["_cursor"] = [cursor]
    parameters.check_known(given, known)
    return given


def _check_seen(exchange: wire.Exchange, kind: str, id_: str) -> wire.Json:
    """The body of whose record it is. Raises Missing, Forbidden."""
    scopes.check(exchange.by, kind, "r")
    return reading.current(kind, id_, by=exchange.by).body


def _wish(owner: str, patient: str, given: Given, span: Span) -> Wish:
    since = _span(given, "_since")
    since_ms = None
    if since:
        since_ms = (int.from_bytes(since[0]) - values.MICROSECONDS_TO_1970) // 1000
    kinds = frozenset(
        kind for text in given.get("_type", []) for kind in str(text).split(",") if kind
    )
    for kind in kinds - KINDS.keys():
        raise Malformed("_type", f"{kind[:40]!r} is not a type that is served")
    return Wish(owner, patient, span, since_ms, kinds)


def _span(given: Given, name: str) -> tuple[bytes, bytes] | None:
    text = parameters.text(given, name)
    found = values.span(text) if text else None
    if text and found is None:
        raise Malformed(name, "is not a date")
    return found


def _answer(exchange: wire.Exchange, given: Given, wish: Wish) -> HttpResponse:
    count = parameters.whole(given, "_count")
    if count == 0:
        raise Malformed("_count", "must be a whole number from 1")
    record = everything.gather(wish, by=exchange.by)
    after, bound = _read_cursor(given, wish)
    keys = [key for key in record.keys if key > after and (bound is None or key <= bound)]
    size = min(count or MOST_AT_ONCE, MOST_AT_ONCE)
    page = keys[:size]
    links = [{"relation": "self", "url": exchange.request.build_absolute_uri()}]
    if len(keys) > size:
        cursor = [_mark(wish), page[-1], keys[-1] if bound is None else bound]
        links.append({"relation": "next", "url": _next(exchange, given, size, cursor)})
    bundle: wire.Json = {"resourceType": "Bundle", "type": "searchset"}
    bundle |= {"total": len(record.members), "link": links}
    if page:
        bundle["entry"] = _entries(exchange, page, record)
    return wire.answer_json(bundle)


def _entries(exchange: wire.Exchange, page: list[int], record: Record) -> list[wire.Json]:
    return [
        {
            "fullUrl": f"{exchange.base}/{stored.reference}",
            "resource": stored.fragment,
            "search": {"mode": "match" if key in record.members else "include"},
        }
        for key, stored in everything.read(page, by=exchange.by)
    ]


def _mark(wish: Wish) -> str:
    """A cursor belongs to its question only."""
    span = wish.span.first.hex() + wish.span.end.hex()
    return f"{wish.owner} {span} {wish.since_ms} {','.join(sorted(wish.kinds))}"


def _read_cursor(given: Given, wish: Wish) -> tuple[int, int | None]:
    text = parameters.text(given, "_cursor")
    if not text:
        return 0, None
    try:
        mark, after, bound = signing.loads(text, salt=SALT)
    except signing.BadSignature:
        mark, after, bound = "", 0, None
    if mark != _mark(wish):
        raise Malformed("_cursor", "is not a cursor of this record")
    return after, bound


def _next(exchange: wire.Exchange, given: Given, size: int, cursor: list[Any]) -> str:
    query = exchange.request.GET.copy()
    for name in KNOWN | {"start", "end"}:
        if name in given:
            query.setlist(name, [str(value) for value in given[name]])
    query["_count"] = str(size)
    query["_cursor"] = signing.dumps(cursor, salt=SALT, compress=True)
    place = f"{exchange.base}/{exchange.kind}"
    place += f"/{exchange.id}" if exchange.id else ""
    return f"{place}/$everything?{query.urlencode()}"


OPERATIONS = (
    Operation(
        "everything",
        f"{STANDARD}Patient-everything",
        frozenset({"type", "instance"}),
        of_patient,
        frozenset({"Patient"}),
    ),
    Operation(
        "everything",
        f"{STANDARD}Encounter-everything",
        frozenset({"instance"}),
        of_encounter,
        frozenset({"Encounter"}),
    ),
)
