"""GET [type]/[id]/_history, [type]/_history, _history; ``_count``, ``_since``, ``_at``."""

from dataclasses import dataclass

from django.core import signing
from django.http import HttpResponse, QueryDict

from kernel.errors import Forbidden, Missing
from records import audit, outcomes, reading, scopes
from records.api import wire
from records.errors import Malformed
from records.kinds import KINDS
from records.search import clauses, values
from records.stored import Stored

SALT = "records.history"


@dataclass(slots=True)
class Wanted:
    """Which part of a history; instants in whole milliseconds since 1970."""

    count: int = clauses.USUAL
    since_ms: int | None = None
    at_ms: tuple[int, int] | None = None
    before: int | None = None

    @property
    def whole(self) -> bool:
        """True when nothing is left out."""
        return self.since_ms is None and self.at_ms is None and self.before is None


def history(exchange: wire.Exchange) -> HttpResponse:
    """A history Bundle, newest first."""
    kinds = _open_kinds(exchange)
    wanted = _wanted(exchange)
    found = reading.past_versions(
        exchange.kind or None,
        exchange.id or None,
        by=exchange.by,
        limit=wanted.count + 1,
        before=wanted.before,
        since_ms=wanted.since_ms,
        at_ms=wanted.at_ms,
        kinds=kinds,
    )
    if not found and exchange.id and wanted.whole:
        raise Missing(f"no such {exchange.kind}")
    return wire.answer_json(_bundle(exchange, wanted, found))


def _bundle(exchange: wire.Exchange, wanted: Wanted, found: list[reading.Past]) -> wire.Json:
    lines = found[: wanted.count]
    audit.count(len(lines))
    bundle: wire.Json = {"resourceType": "Bundle", "type": "history"}
    links = [{"relation": "self", "url": _url(exchange, exchange.request.GET)}]
    if len(found) > wanted.count:
        cursor = signing.dumps(lines[-1].seq, salt=SALT)
        links.append({"relation": "next", "url": _next(exchange, cursor)})
    elif wanted.before is None:
        # Known without counting: this is all there is.
        bundle["total"] = len(lines)
    bundle["link"] = links
    if lines:
        bundle["entry"] = [_entry(exchange.base, line.stored) for line in lines]
    return bundle


def _open_kinds(exchange: wire.Exchange) -> list[str]:
    """The types whose history a token opens; empty for all."""
    by = exchange.by
    if exchange.kind:
        scopes.check(by, exchange.kind, "r" if exchange.id else "s")
        return []
    if not by.has("partner"):
        return []
    kinds = [kind for kind in KINDS if scopes.opens(by.scopes, kind, "s")]
    if not kinds:
        raise Forbidden("the token opens no type")
    return kinds


def _wanted(exchange: wire.Exchange) -> Wanted:
    wanted = Wanted()
    lenient = exchange.prefers("handling") == "lenient"
    for name, value in exchange.query:
        # An offset's plus sign is a space where the client did not escape it.
        period = values.milliseconds_of(value.replace(" ", "+"))
        if name == "_count":
            wanted.count = _count(value)
        elif name == "_since" and period:
            wanted.since_ms = period[0]
        elif name == "_at" and period:
            wanted.at_ms = period
        elif name == "_cursor":
            wanted.before = _seq(value)
        elif name in ("_since", "_at"):
            raise Malformed(name, "must be a date or an instant")
        elif name not in clauses.IGNORED and not lenient:
            raise Malformed(name, "is no parameter of a history")
    return wanted


def _count(value: str) -> int:
    if not value.isascii() or not value.isdigit() or not value.strip("0") or len(value) > 9:
        raise Malformed("_count", "must be a whole number from 1 on")
    return min(int(value), clauses.MOST)


def _seq(cursor: str) -> int:
    try:
        return int(signing.loads(cursor, salt=SALT))
    except signing.BadSignature:
        raise Malformed("_cursor", "is not a cursor of a history") from None


def _next(exchange: wire.Exchange, cursor: str) -> str:
    query = exchange.request.GET.copy()
    query["_cursor"] = cursor
    return _url(exchange, query)


def _url(exchange: wire.Exchange, query: QueryDict) -> str:
    address = "/".join(filter(None, (exchange.base, exchange.kind, exchange.id, "_history")))
    return f"{address}?{query.urlencode()}" if query else address


def _entry(base: str, stored: Stored) -> wire.Json:
    created = stored.method == "POST"
    status = 204 if stored.method == "DELETE" else 201 if stored.version == 1 else 200
    entry: wire.Json = {"fullUrl": f"{base}/{stored.reference}"}
    if stored.text:
        entry["resource"] = stored.fragment
    url = stored.kind if created else stored.reference
    return entry | {
        "request": {"method": stored.method, "url": url},
        "response": {
            "status": outcomes.line(status),
            "etag": f'W/"{stored.version}"',
            "lastModified": stored.instant,
        },
    }
