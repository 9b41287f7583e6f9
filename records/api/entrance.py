"""The one door of /fhir/: finds the interaction; every failure becomes an OperationOutcome."""

from collections.abc import Callable, Mapping

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from kernel.principal import Principal
from records import outcomes
from records.api import (
    audit_events,
    audited,
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
from records.errors import NotAllowed, Unsupported
from records.kinds import KINDS

Handler = Callable[[wire.Exchange], HttpResponseBase]
STRANGER = Principal(reference="")

# How an address looks (K a served type, I an id, V a version) and what each method does there.
ROUTES: dict[str, dict[str, Handler]] = {
    "": {"GET": search.search_system, "POST": bundle.carry_out},
    "_search": {"POST": search.search_system},
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
        response = _answer(request, address)
    except RequestDataTooBig:
        response = _say(413, "too-long", "the body is too large")
    except (SuspiciousOperation, MultiPartParserError):
        response = _say(400, "invalid", "the request cannot be understood")
    # Whatever it was, a machine is told so in FHIR.
    except Exception as error:  # noqa: BLE001
        response = _refusal(error)
    return wire.pretty(request, response)


def _answer(request: HttpRequest, path: str) -> HttpResponseBase:
    address = path.removeprefix("/").removesuffix("/")
    base = f"{request.scheme}://{request.get_host()}/fhir"
    if address in OPEN:
        return _handle(wire.Exchange(request, STRANGER, base), {"GET": OPEN[address]})
    by = auth.principal_of(request)
    if by is None:
        response = _say(401, "login", "a bearer token is needed")
        response["WWW-Authenticate"] = 'Bearer realm="fhir"'
        return response
    return _dispatch(wire.Exchange(request, by, base, again=_dispatch), address)


def _dispatch(exchange: wire.Exchange, address: str) -> HttpResponseBase:
    """Carry out the interaction at ``address``; a Bundle's reads come back to here."""
    return audited.carried_out(exchange, address, lambda: _carry_out(exchange, address))


def _carry_out(exchange: wire.Exchange, address: str) -> HttpResponseBase:
    handlers = exports.at(address, exchange)
    if handlers is None:
        handlers = _handlers(address, exchange)
        # What a Binary holds is read in its own media type.
        if not (exchange.kind == "Binary" and exchange.id and exchange.method == "GET"):
            wire.check_accept(exchange.request)
    return _handle(exchange, handlers)


def _handle(exchange: wire.Exchange, handlers: Mapping[str, Handler]) -> HttpResponseBase:
    if exchange.method not in handlers:
        raise NotAllowed(sorted({*handlers, *(("HEAD",) if "GET" in handlers else ())}))
    return handlers[exchange.method](exchange)


def _handlers(address: str, exchange: wire.Exchange) -> Mapping[str, Handler]:
    """What each method does at this address."""
    place, _, name = address.rpartition("/")
    if name.startswith("$"):
        return _operation(place, name[1:], exchange)
    shape = _shape(address, exchange)
    handlers = audit_events.at(shape, exchange) or ROUTES.get(shape)
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
    if not {"", ".", ".."}.isdisjoint(words):
        raise Unsupported("there is nothing at this address")
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


def _refusal(error: Exception) -> HttpResponse:
    status, outcome = outcomes.of(error)
    response = wire.answer_json(outcome, status)
    if isinstance(error, NotAllowed):
        response["Allow"] = ", ".join(error.allow)
    if status in (429, 503):
        response["Retry-After"] = str(getattr(error, "retry_after", 1))
    return response


def _say(status: int, code: str, says: str) -> HttpResponse:
    return wire.answer_json(outcomes.outcome(outcomes.issue(code, says)), status)
