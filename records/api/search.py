"""GET [type]?…, POST [type]/_search, GET Patient/[id]/[type]?…"""

from urllib.parse import urlencode

from django.http import HttpResponse

from records import outcomes, reading, scopes
from records.api import wire
from records.errors import Unsupported
from records.search import Page, clauses
from records.search import search as find
from records.stored import Stored


def search(exchange: wire.Exchange) -> HttpResponse:
    """A searchset; the next page is a link."""
    return _search(exchange, exchange.kind, exchange.query)


def search_posted(exchange: wire.Exchange) -> HttpResponse:
    """The same by a form: identifying values stay out of logs."""
    if exchange.request.content_type not in (wire.FORM, "", None):
        raise Unsupported(f"only {wire.FORM} is understood here", status=415)
    return _search(exchange, exchange.kind, exchange.query + wire.pairs(exchange.request.POST))


def search_compartment(exchange: wire.Exchange) -> HttpResponse:
    """What is about one patient."""
    kind = exchange.version
    code = "patient" if clauses.find(kind, "patient") else "subject"
    if exchange.kind != "Patient" or not clauses.find(kind, code):
        raise Unsupported("there is no such compartment")
    reading.current("Patient", exchange.id, by=exchange.by)
    return _search(exchange, kind, [(code, f"Patient/{exchange.id}"), *exchange.query])


def _search(exchange: wire.Exchange, kind: str, query: list[tuple[str, str]]) -> HttpResponse:
    scopes.check(exchange.by, kind, "s")
    lenient = exchange.prefers("handling") == "lenient"
    page = find(kind, query, by=exchange.by, lenient=lenient)
    return wire.answer_json(_bundle(exchange.base, kind, page))


def _bundle(base: str, kind: str, page: Page) -> wire.Json:
    own = f"{base}/{kind}"
    links = [{"relation": "self", "url": _url(own, page.used)}]
    if page.next:
        links.append({"relation": "next", "url": _url(own, [*page.used, ("_cursor", page.next)])})
    bundle: wire.Json = {"resourceType": "Bundle", "type": "searchset"}
    if page.total is not None:
        bundle["total"] = page.total
    bundle["link"] = links
    entries = [_entry(base, s, "match") for s in page.matches]
    entries += [_entry(base, s, "include") for s in page.included]
    if page.passed:
        entries.append(_warning(page.passed))
    if entries:
        bundle["entry"] = entries
    return bundle


def _url(own: str, pairs: list[tuple[str, str]]) -> str:
    return f"{own}?{urlencode(pairs)}" if pairs else own


def _entry(base: str, stored: Stored, mode: str) -> wire.Json:
    return {
        "fullUrl": f"{base}/{stored.reference}",
        "resource": stored.fragment,
        "search": {"mode": mode},
    }


def _warning(names: list[str]) -> wire.Json:
    """Says what a lenient search passed over."""
    issues = [
        outcomes.issue("not-supported", "no such search parameter here", name, severity="warning")
        for name in names
    ]
    return {"resource": outcomes.outcome(*issues), "search": {"mode": "outcome"}}
