"""Binary: content as it is, beside its resource (FHIR R4, binary.html)."""

import base64
import re

from django.http import HttpRequest, HttpResponse

from records import jsontext
from records.api import wire
from records.errors import Malformed, Unsupported
from records.stored import Stored

MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(?:; ?[\w-]+=[\w.+-]+)*", re.ASCII)
UNKNOWN = "application/octet-stream"
# What somebody uploaded runs nowhere and reaches nothing, whatever a browser takes it for.
POLICY = "default-src 'none'; sandbox"


def answer(request: HttpRequest, stored: Stored) -> HttpResponse:
    """The content under its own media type, unless FHIR is asked for. Raises Unsupported (406)."""
    body = stored.body
    kind = str(body.get("contentType", ""))
    kind = kind if MEDIA_TYPE.fullmatch(kind) else UNKNOWN
    if _wants_resource(request, kind.partition(";")[0].lower()):
        return wire.answer(stored.text)
    data = base64.b64decode(body.get("data", ""))
    response = HttpResponse(data, content_type=kind)
    response["Content-Length"] = str(len(data))
    response["Content-Security-Policy"] = POLICY
    return response


def _wants_resource(request: HttpRequest, kind: str) -> bool:
    wanted = wire.accepted(request)
    if wanted & wire.READ_AS_FHIR:
        return True
    if wanted & {kind, f"{kind.partition('/')[0]}/*", "*/*", ""}:
        return False
    if wanted & wire.READ_AS_JSON:
        return True
    raise Unsupported(f"only {kind} and {wire.FHIR_JSON} are here", status=406)


def sent(exchange: wire.Exchange) -> wire.Json:
    """The Binary that was sent, as a resource or as its mere content. Raises Malformed."""
    request = exchange.request
    if (request.content_type or "").lower() in wire.READ_AS_JSON:
        found = jsontext.loads(request.body)
        if isinstance(found, dict) and found.get("resourceType") == exchange.kind:
            wire.check_content(request, wire.READ_AS_JSON)
            return found
    kind = request.headers.get("Content-Type", "").strip()
    if not MEDIA_TYPE.fullmatch(kind):
        raise Malformed("Content-Type", "must say what the content is")
    made: wire.Json = {"resourceType": exchange.kind, "contentType": kind}
    if exchange.id:
        made["id"] = exchange.id
    if request.body:
        made["data"] = base64.b64encode(request.body).decode()
    if context := request.headers.get("X-Security-Context"):
        made["securityContext"] = {"reference": context.removeprefix(f"{exchange.base}/")}
    return made
