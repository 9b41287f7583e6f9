"""An export that was accepted: how far it is, its files, its end (Bulk Data 2.0.0)."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import http_date

from kernel.errors import Missing
from records import jsontext, outcomes
from records.access import milliseconds
from records.api import wire
from records.export import files, services
from records.models import Export

STATUS, FILE = "$export-status", "$export-file"
NDJSON = "application/fhir+ndjson"
SHORTEST_WAIT, LONGEST_WAIT = 1, 30
GZIP = re.compile(r"(?:^|,)\s*(?:gzip|x-gzip|\*)\s*(?:;\s*q=(?P<q>[\d.]+)\s*)?(?:,|$)")

Handler = Callable[[wire.Exchange], HttpResponseBase]


def at(address: str, exchange: wire.Exchange) -> Mapping[str, Handler] | None:
    """What each method does at ``$export-status/…`` and ``$export-file/…``; None elsewhere."""
    place, _, rest = address.partition("/")
    if place not in ROUTES:
        return None
    exchange.id, _, exchange.version = rest.partition("/")
    return ROUTES[place]


def status_address(base: str, export: Export) -> str:
    """Where one asks how far an export is."""
    return f"{base}/{STATUS}/{export.public_id}"


def status(exchange: wire.Exchange) -> HttpResponse:
    """202 while it runs, 200 with the manifest when done, 500 when it failed."""
    found = services.find(_whole(exchange), by=exchange.by)
    if found.state == "running":
        return _running(found)
    if found.state == "failed":
        return wire.answer_json(outcomes.outcome(outcomes.issue(found.fault, found.says)), 500)
    response = HttpResponse(
        jsontext.dumps(_manifest(exchange.base, found)), content_type="application/json"
    )
    response["Expires"] = http_date(found.expires_ms / 1000)
    return response


def _whole(exchange: wire.Exchange) -> str:
    """The id, when nothing follows it. Raises Missing."""
    if exchange.version:
        raise Missing("there is no such export")
    return exchange.id


def _running(export: Export) -> HttpResponse:
    response = HttpResponse(status=202)
    done = f"{export.done} of {export.total} written" if export.total else "choosing resources"
    response["X-Progress"] = done
    # The longer it has run, the longer it will: who asks seldom loses little.
    age = (milliseconds() - export.at_ms) // 1000
    response["Retry-After"] = str(min(max(age // 10, SHORTEST_WAIT), LONGEST_WAIT))
    return response


def _manifest(base: str, export: Export) -> wire.Json:
    lists: dict[str, list[wire.Json]] = {"output": [], "deleted": [], "error": []}
    for file in export.files.order_by("pk"):
        url = f"{base}/{FILE}/{export.public_id}/{file.name}"
        lists[file.part].append({"type": file.kind, "url": url, "count": file.count})
    moment = datetime.fromtimestamp(export.at_ms / 1000, UTC).isoformat(timespec="milliseconds")
    return {
        "transactionTime": moment.replace("+00:00", "Z"),
        "request": export.request,
        "requiresAccessToken": True,
        **lists,
    }


def cancel(exchange: wire.Exchange) -> HttpResponse:
    """Stop it, or forget what it made."""
    services.cancel(_whole(exchange), by=exchange.by)
    said = outcomes.issue("informational", "the export is deleted", severity="information")
    return wire.answer_json(outcomes.outcome(said), 202)


def file(exchange: wire.Exchange) -> StreamingHttpResponse:
    """One file, a piece at a time; packed when the client takes that."""
    opened = services.open_file(exchange.id, exchange.version, by=exchange.by)
    packs = _takes_gzip(exchange.request.headers.get("Accept-Encoding", ""))
    pieces = files.packed(opened.path) if packs else files.plain(opened.path)
    response = StreamingHttpResponse(pieces, content_type=NDJSON)
    response["Content-Length"] = str(opened.packed if packs else opened.size)
    response["Vary"] = "Accept-Encoding"
    if packs:
        response["Content-Encoding"] = "gzip"
    return response


def _takes_gzip(accepts: str) -> bool:
    found = GZIP.search(accepts.lower())
    return found is not None and found["q"] not in ("0", "0.0", "0.00", "0.000")


ROUTES: dict[str, Mapping[str, Handler]] = {
    STATUS: {"GET": status, "DELETE": cancel},
    FILE: {"GET": file},
}
