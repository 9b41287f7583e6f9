"""Composition/$document (FHIR R4, composition-operation-document.html)."""

from django.http import HttpResponse

from kernel.ids import new_id
from records import documents, jsontext, reading, scopes, writing
from records.api import wire
from records.api.operations import parameters
from records.api.operations.row import STANDARD, Operation
from records.errors import Malformed
from records.stored import Stored
from records.writing import Write


def document(exchange: wire.Exchange) -> HttpResponse:
    """The document; with ``persist`` it is kept as a Bundle, whose address ``Location`` tells."""
    scopes.check(exchange.by, "Composition", "r")
    given = parameters.given(exchange)
    parameters.check_known(given, {"id", "persist"})
    id_ = exchange.id or _id(parameters.text(given, "id"), exchange.base)
    composition = reading.current("Composition", id_, by=exchange.by)
    made = documents.compose(composition, base=exchange.base, by=exchange.by)
    if not parameters.flag(given, "persist"):
        return wire.answer_json(made)
    return _kept(exchange, made)


def _id(text: str, base: str) -> str:
    """The logical id in ``id``, which may be a whole address of this service."""
    bare = text.removeprefix(f"{base}/").removeprefix("Composition/")
    if not bare or "/" in bare:
        raise Malformed("id", "must be the id of a Composition of this service")
    return bare


def _kept(exchange: wire.Exchange, made: wire.Json) -> HttpResponse:
    if exchange.request.method != "POST":
        raise Malformed("persist", "what is to be kept is asked for by POST")
    scopes.check(exchange.by, "Bundle", "c")
    body = jsontext.load_object(jsontext.dumps(made))
    write = Write("POST", "Bundle", new_id(), body, fresh=True)
    writing.commit([write], by=exchange.by, door=True)
    stored = Stored(write.kind, write.id, write.version, write.updated_ms, write.text)
    response = wire.stamp(wire.answer(stored.text), stored)
    response["Location"] = f"{exchange.base}/{stored.reference}"
    return response


OPERATION = Operation(
    "document",
    f"{STANDARD}Composition-document",
    frozenset({"type", "instance"}),
    document,
    frozenset({"Composition"}),
)
