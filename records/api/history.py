"""GET [type]/[id]/_history, [type]/_history, _history; ``_count``, ``_since``, ``_cursor``."""

from http import HTTPStatus

from django.core import signing
from django.http import HttpResponse, QueryDict

from kernel.errors import Forbidden, Missing
from records import reading, scopes
from records.api import wire
from records.errors import Malformed
from records.kinds import KINDS
from records.search import clauses, values
from records.stored import Stored

SALT = "records.history"


def history(exchange: wire.Exchange) -> HttpResponse:
    """A history Bundle, newest first."""
    kinds = _open_kinds(exchange)
    wanted = _parameters(exchange)
    count = wanted["count"] or clauses.USUAL
    found = reading.past_versions(
        exchange.kind or None,
        exchange.id or None,
        by=exchange.by,
        limit=count + 1,
        before=wanted["cursor"],
        since_ms=wanted["since"],
        kinds=kinds,
    )
    if not found and exchange.id and wanted["cursor"] is None and wanted["since"] is None:
        raise Missing(f"no such {exchange.kind}")
    lines = found[:count]
    bundle: wire.Json = {"resourceType": "Bundle", "type": "history"}
    bundle["link"] = [{"relation": "self", "url": _url(exchange, exchange.request.GET)}]
    if len(found) > count:
        cursor = signing.dumps(lines[-1].seq, salt=SALT)
        bundle["link"].append({"relation": "next", "url": _next(exchange, cursor)})
    if lines:
        bundle["entry"] = [_entry(exchange.base, line.stored) for line in lines]
    return wire.answer_json(bundle)


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


def _parameters(exchange: wire.Exchange) -> dict[str, int | None]:
    found: dict[str, int | None] = {"count": None, "since": None, "cursor": None}
    for name, value in exchange.query:
        if name == "_count" and value.isascii() and value.isdigit() and len(value) < 9:
            found["count"] = min(int(value), clauses.MOST)
        elif name == "_since" and (both := values.milliseconds_of(value)):
            found["since"] = both[0]
        elif name == "_cursor":
            found["cursor"] = _seq(value)
        elif name not in clauses.IGNORED:
            raise Malformed(name, "is no parameter of a history, or has no such value")
    return found


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
    url = stored.kind if created else stored.reference
    status = {"POST": HTTPStatus.CREATED, "DELETE": HTTPStatus.NO_CONTENT}.get(
        stored.method, HTTPStatus.OK
    )
    entry: wire.Json = {"fullUrl": f"{base}/{stored.reference}"}
    if stored.text:
        entry["resource"] = stored.fragment
    moment = stored.last_updated.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return entry | {
        "request": {"method": stored.method, "url": url},
        "response": {
            "status": f"{status.value} {status.phrase}",
            "etag": f'W/"{stored.version}"',
            "lastModified": moment,
        },
    }
