"""The one door of /fhir/: finds the interaction; every failure becomes an OperationOutcome."""

import logging
import traceback
from collections.abc import Callable, Mapping

from django.core.exceptions import DisallowedHost, RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from kernel.errors import Busy, HouseError
from kernel.principal import Principal
from records import outcomes
from records.api import (
    auth,
    bundle,
    create,
    delete,
    exports,
    history,
    metadata,
    operations,
    patch,
    read,
    search,
    update,
    wire,
)
from records.api.operations.row import Level
from records.errors import Unsupported
from records.kinds import KINDS

log = logging.getLogger(__name__)

Handler = Callable[[wire.Exchange], HttpResponseBase]
STRANGER = Principal(reference="")

# How an address looks (K a served type, I an id, V a version) and what each method does there.
ROUTES: dict[str, dict[str, Handler]] = {
    "": {"POST": bundle.carry_out},
    "_history": {"GET": history.history},
    "K": {
        "GET": search.search,
        "POST": create.create,
        "PUT": update.update_matching,
        "PATCH": patch.patch_matching,
        "DELETE": delete.delete_matching,
    },
    "K/_search": {"POST": search.search_posted},
    "K/_history": {"GET": history.history},
    "K/I": {
        "GET": read.read,
        "PUT": update.update,
        "PATCH": patch.patch,
        "DELETE": delete.delete,
    },
    "K/I/_history": {"GET": history.history},
    "K/I/_history/V": {"GET": read.read_version},
    "K/I/K": {"GET": search.search_compartment},
}
LEVELS: dict[str, Level] = {"": "system", "K": "type", "K/I": "instance"}
OPEN: dict[str, Handler] = {
    "metadata": metadata.capability_statement,
    ".well-known/smart-configuration": metadata.smart_configuration,
}


@csrf_exempt  # machines send tokens, not forms: see api.auth
def fhir(request: HttpRequest, address: str = "") -> HttpResponseBase:
    """Every request under /fhir/."""
    try:
        return _answer(request, address.strip("/"))
    except HouseError as error:
        return _refusal(error)
    except RequestDataTooBig:
        return _say(413, "too-long", "the body is too large")
    except (DisallowedHost, MultiPartParserError):
        return _say(400, "invalid", "the request cannot be understood")
    # Whatever it was, a machine is told so in FHIR, and no data is logged.
    except Exception as error:  # noqa: BLE001
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{frame.filename.rpartition('/')[2]}:{frame.lineno}"
        log.error("fhir: %s at %s", type(error).__name__, place)
        return _say(500, "exception", "an error of the service; it has been noted")


def _answer(request: HttpRequest, address: str) -> HttpResponseBase:
    base = f"{request.scheme}://{request.get_host()}/fhir"
    method = "GET" if request.method == "HEAD" else request.method or ""
    if address in OPEN:
        return _handle(wire.Exchange(request, STRANGER, base), method, {"GET": OPEN[address]})
    by = auth.principal_of(request)
    if by is None:
        response = _say(401, "login", "a bearer token is needed")
        response["WWW-Authenticate"] = 'Bearer realm="fhir"'
        return response
    exchange = wire.Exchange(request, by, base)
    handlers = exports.at(address, exchange)
    if handlers is None:
        wire.check_accept(request)
        handlers = _handlers(address, exchange)
    return _handle(exchange, method, handlers)


def _handle(
    exchange: wire.Exchange, method: str, handlers: Mapping[str, Handler]
) -> HttpResponseBase:
    if method in handlers:
        return handlers[method](exchange)
    known = sorted({*handlers, *(("HEAD",) if "GET" in handlers else ())})
    response = _say(405, "not-supported", f"only {', '.join(known)} may be done here")
    response["Allow"] = ", ".join(known)
    return response


def _handlers(address: str, exchange: wire.Exchange) -> Mapping[str, Handler]:
    """What each method does at this address."""
    place, _, name = address.rpartition("/")
    if name.startswith("$"):
        return _operation(place, name[1:], exchange)
    handlers = ROUTES.get(_shape(address, exchange))
    if handlers is None:
        raise Unsupported("there is nothing at this address")
    return handlers


def _operation(place: str, name: str, exchange: wire.Exchange) -> Mapping[str, Handler]:
    level = LEVELS.get(_shape(place, exchange))
    found = operations.find(name, level, exchange.kind) if level else None
    if found is None:
        raise Unsupported("this operation is not supported here")
    return dict.fromkeys(found.methods, found.run)


def _shape(address: str, exchange: wire.Exchange) -> str:
    """Which kind of address this is; fills in type, id and version."""
    words = address.split("/") if address else []
    shape: list[str] = []
    for place, word in enumerate(words):
        if word in ("_history", "_search"):
            shape.append(word)
        elif place == 0:
            _check_kind(word)
            exchange.kind = word
            shape.append("K")
        elif place == 1:
            exchange.id = word
            shape.append("I")
        elif place == 2 and word in KINDS:
            exchange.version = word
            shape.append("K")
        else:
            exchange.version = word
            shape.append("V")
    return "/".join(shape)


def _check_kind(word: str) -> None:
    if word not in KINDS:
        raise Unsupported("this resource type is not served")


def _refusal(error: HouseError) -> HttpResponse:
    status, outcome = outcomes.of(error)
    response = wire.answer_json(outcome, status)
    if isinstance(error, Busy):
        response["Retry-After"] = str(error.retry_after)
    return response


def _say(status: int, code: str, says: str) -> HttpResponse:
    return wire.answer_json(outcomes.outcome(outcomes.issue(code, says)), status)
