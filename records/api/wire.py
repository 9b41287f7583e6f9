"""Headers in and out: media types, ETag, If-*, Prefer (FHIR R4, http.html)."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.utils.http import http_date

from kernel.principal import Principal
from records import jsontext
from records.errors import Malformed, Unsupported
from records.stored import Stored
from records.writing import ANY

Json = dict[str, Any]
FHIR_JSON = "application/fhir+json"
READ_AS_FHIR = frozenset({FHIR_JSON, "application/json+fhir"})
READ_AS_JSON = READ_AS_FHIR | {"application/json", "text/json"}
FORMATS = {"json": FHIR_JSON}
ANYTHING = frozenset({"*/*", "application/*", ""})
FHIR_VERSION = "4.0"
FORM = "application/x-www-form-urlencoded"
ETAG = re.compile(r'(?:W/)?"([^"]+)"')


@dataclass(slots=True)
class Exchange:
    """One request understood: who asks, by which address, with which parameters.

    ``again`` carries out another request, of the same principal, at the address given with it.
    """

    request: HttpRequest
    by: Principal
    base: str
    again: "Callable[[Exchange, str], HttpResponseBase] | None" = None
    kind: str = ""
    id: str = ""
    version: str = ""

    @property
    def method(self) -> str:
        """The method; HEAD is GET whose body stays here."""
        return "GET" if self.request.method == "HEAD" else self.request.method or ""

    @property
    def query(self) -> list[tuple[str, str]]:
        """The pairs of the query string, in order of their names' first appearance."""
        return pairs(self.request.GET)

    def prefers(self, name: str) -> str:
        """The value of one ``Prefer`` preference, empty when none is said."""
        return self._preferences().get(name, "")

    def asks_for(self, name: str) -> bool:
        """True when ``Prefer`` names this, with or without a value."""
        return name in self._preferences()

    def _preferences(self) -> dict[str, str]:
        parts = re.split(r"[;,]", self.request.headers.get("Prefer", ""))
        pairs = (part.strip().partition("=") for part in reversed(parts))
        return {name: value.strip('"') for name, _, value in pairs}


def pairs(data: QueryDict) -> list[tuple[str, str]]:
    """The pairs of a query string or form."""
    return [(name, value) for name, values in data.lists() for value in values]


def accepted(request: HttpRequest) -> set[str]:
    """The media types that the client takes, ``_format`` before ``Accept``; empty text for any.

    Those of another FHIR version are none.
    """
    wanted = request.GET.get("_format")
    said = wanted.replace(" ", "+") if wanted else request.headers.get("Accept", "")
    kinds = set()
    for part in said.lower().split(","):
        kind, *parameters = (piece.strip() for piece in part.split(";"))
        edition = [
            p.partition("=")[2].strip('"') for p in parameters if p.startswith("fhirversion")
        ]
        if not edition or edition[0] == FHIR_VERSION:
            kinds.add(FORMATS.get(kind, kind))
    return kinds


def check_accept(request: HttpRequest) -> None:
    """Refuse (406) a client that wants no JSON. Raises Unsupported."""
    if not accepted(request) & (READ_AS_JSON | ANYTHING):
        raise Unsupported(f"only {FHIR_JSON} of FHIR {FHIR_VERSION} is spoken here", status=406)


def body(request: HttpRequest) -> Json:
    """The JSON object that was sent. Raises Unsupported (415), Malformed."""
    check_content(request, READ_AS_JSON)
    return jsontext.load_object(request.body)


def check_content(request: HttpRequest, known: frozenset[str]) -> str:
    """The media type of the body, one of ``known``. Raises Unsupported (415)."""
    said = (request.content_type or "").lower()
    if said not in known:
        raise Unsupported(f"only {' and '.join(sorted(known))} is understood here", status=415)
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise Unsupported("a compressed body is not understood", status=415)
    charset = (request.content_params or {}).get("charset", "utf-8")
    if charset.lower() not in ("utf-8", "utf8", "us-ascii"):
        raise Unsupported("only UTF-8 is understood", status=415)
    edition = (request.content_params or {}).get("fhirversion", FHIR_VERSION)
    if edition != FHIR_VERSION:
        raise Unsupported(f"only FHIR {FHIR_VERSION} is spoken here", status=415)
    return said


def resource(exchange: Exchange) -> Json:
    """The resource that was sent, of the type that the address names. Raises Malformed."""
    found = body(exchange.request)
    if found.get("resourceType") != exchange.kind:
        raise Malformed("resourceType", f"must be {exchange.kind}")
    return found


def if_match(request: HttpRequest) -> int | None:
    """The version of ``If-Match``, ``ANY`` for ``*``. Raises Malformed."""
    said = request.headers.get("If-Match")
    if said is None or said.strip() == "*":
        return None if said is None else ANY
    found = ETAG.fullmatch(said.strip())
    number = found[1] if found else said.strip()
    if not number.isascii() or not number.isdigit() or len(number) > 9:
        raise Malformed("If-Match", 'must look like W/"1"')
    return int(number)


def only_new(request: HttpRequest) -> bool:
    """True for ``If-None-Match: *`` on a write: nothing may be there. Raises Malformed."""
    said = request.headers.get("If-None-Match")
    if said is None:
        return False
    if said.strip() != "*":
        raise Malformed("If-None-Match", "only * is understood for a write")
    return True


def pretty(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """The answer with line breaks where ``_pretty=true`` asks for them."""
    if "_pretty=true" not in request.META.get("QUERY_STRING", ""):
        return response
    if isinstance(response, HttpResponse) and response.get("Content-Type") == FHIR_JSON:
        response.content = jsontext.dumps(jsontext.loads(response.content), pretty=True).encode()
        response["Content-Length"] = str(len(response.content))
    return response


def answer(text: str | bytes, status: int = 200) -> HttpResponse:
    """A response of FHIR JSON."""
    response = HttpResponse(text, status=status, content_type=FHIR_JSON)
    # The short chain of middleware does not; without it the answer travels in chunks.
    response["Content-Length"] = str(len(response.content))
    return response


def answer_json(content: Any, status: int = 200) -> HttpResponse:
    """A response of FHIR JSON from Python values."""
    return answer(jsontext.dumps(content), status)


def stamp(response: HttpResponse, stored: Stored) -> HttpResponse:
    """Say which version this is."""
    response["ETag"] = f'W/"{stored.version}"'
    response["Last-Modified"] = http_date(stored.updated_ms / 1000)
    return response


def unchanged(request: HttpRequest, stored: Stored) -> bool:
    """True when the client holds this version already (If-None-Match, If-Modified-Since)."""
    if said := request.headers.get("If-None-Match"):
        # Some clients leave the quotation marks out.
        bare = said.strip() in ("*", str(stored.version))
        return bare or str(stored.version) in ETAG.findall(said)
    if said := request.headers.get("If-Modified-Since"):
        try:
            # Whole seconds: what Last-Modified could say.
            return stored.updated_ms // 1000 <= parsedate_to_datetime(said).timestamp()
        except ValueError:
            return False
    return False
