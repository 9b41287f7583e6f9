"""GET [type]?…, POST [type]/_search, GET Patient/[id]/[type]?…, GET [base]?_type=…"""

from urllib.parse import urlencode

from django.http import HttpResponse

from records import audit, outcomes, reading, scopes
from records.api import wire
from records.errors import Malformed, Unsupported
from records.everything import compartments
from records.kinds import KINDS
from records.search import Page, clauses
from records.search import search as find
from records.search.parameters import Parameter
from records.stored import Stored


def search(exchange: wire.Exchange) -> HttpResponse:
    """A searchset; the next page is a link."""
    return _search(exchange, exchange.kind, exchange.query)


def search_system(exchange: wire.Exchange) -> HttpResponse:
    """The types of ``_type``, one after the other: a page holds one type."""
    query = _posted(exchange) if exchange.method == "POST" else exchange.query
    said = [value for name, value in query if name == "_type"]
    rest = [pair for pair in query if pair[0] != "_type"]
    kinds = said[0].split(",") if len(said) == 1 else []
    if not kinds or not KINDS.keys() >= set(kinds) or len(set(kinds)) < len(kinds):
        raise Malformed("_type", "must name the types to search, each once")
    if len(kinds) > 1 and any(name in ("_sort", "_total", "_summary") for name, _ in rest):
        raise Malformed("_type", "several types are neither sorted nor counted together")
    for kind in kinds:
        scopes.check(exchange.by, kind, "s")
    while True:
        page = _find(exchange, kinds[0], rest)
        if page.matches or len(kinds) == 1:
            return wire.answer_json(_of_types(exchange.base, kinds, page))
        kinds, rest = kinds[1:], [pair for pair in rest if pair[0] != "_cursor"]


def _of_types(base: str, kinds: list[str], page: Page) -> wire.Json:
    """The page of the first type; the next one may be of the second."""
    bundle = _bundle(base, kinds[0], page)
    types = ("_type", ",".join(kinds))
    bundle["link"] = [{"relation": "self", "url": _url(base, [types, *page.used])}]
    if page.next:
        after = [types, *page.used, ("_cursor", page.next)]
    else:
        after = [("_type", ",".join(kinds[1:])), *page.used] if kinds[1:] else []
    if after:
        bundle["link"].append({"relation": "next", "url": _url(base, after)})
        bundle.pop("total", None)
    return bundle


def search_posted(exchange: wire.Exchange) -> HttpResponse:
    """The same by a form: identifying values stay out of logs."""
    return _search(exchange, exchange.kind, _posted(exchange))


def _posted(exchange: wire.Exchange) -> list[tuple[str, str]]:
    if exchange.request.content_type not in (wire.FORM, "", None):
        raise Unsupported(f"only {wire.FORM} is understood here", status=415)
    return exchange.query + wire.pairs(exchange.request.POST)


def search_compartment(exchange: wire.Exchange) -> HttpResponse:
    """What belongs to one patient, or encounter, by any of the parameters that say so."""
    kind, owner = exchange.version, f"{exchange.kind}/{exchange.id}"
    members = compartments.members(exchange.kind, kind)
    if not members:
        raise Unsupported("there is no such compartment")
    scopes.check(exchange.by, kind, "s")
    reading.current(exchange.kind, exchange.id, by=exchange.by)
    slots = {slot: None for member in members for slot in member.slots}
    belongs = clauses.Clause(Parameter("", "reference", tuple(slots)), "", (owner,))
    page = _find(exchange, kind, exchange.query, belongs)
    return wire.answer_json(_bundle(exchange.base, f"{owner}/{kind}", page))


def _search(exchange: wire.Exchange, kind: str, query: list[tuple[str, str]]) -> HttpResponse:
    scopes.check(exchange.by, kind, "s")
    return wire.answer_json(_bundle(exchange.base, kind, _find(exchange, kind, query)))


def _find(
    exchange: wire.Exchange,
    kind: str,
    query: list[tuple[str, str]],
    belongs: clauses.Clause | None = None,
) -> Page:
    lenient = exchange.prefers("handling") == "lenient"
    page = find(kind, query, by=exchange.by, lenient=lenient, belongs=belongs)
    audit.count(len(page.matches) + len(page.included))
    return page


def _bundle(base: str, place: str, page: Page) -> wire.Json:
    own = f"{base}/{place}"
    self = _url(own, page.used)
    links = [{"relation": "self", "url": self}, {"relation": "first", "url": self}]
    if page.next:
        links.append({"relation": "next", "url": _url(own, [*page.used, ("_cursor", page.next)])})
    bundle: wire.Json = {"resourceType": "Bundle", "type": "searchset"}
    if page.total is not None:
        bundle["total"] = page.total
    bundle["link"] = links
    entries = [_entry(base, s, "match") for s in page.matches]
    entries += [_entry(base, s, "include") for s in page.included]
    if page.passed or page.cut:
        entries.append(_warning(page))
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


def _warning(page: Page) -> wire.Json:
    """Says what a lenient search passed over, and that more is near than could come along."""
    issues = [
        outcomes.issue("not-supported", "no such search parameter here", name, severity="warning")
        for name in page.passed
    ]
    if page.cut:
        says = f"more than {len(page.included)} resources are to be included: ask for smaller pages"
        issues.append(outcomes.issue("too-costly", says, severity="warning"))
    return {"resource": outcomes.outcome(*issues), "search": {"mode": "outcome"}}
