"""$meta, $meta-add, $meta-delete (FHIR R4, resource-operations).

4.0.1 leaves open whether labels are changed within a version. Here a change makes a new one, so
that ETags, histories and subscriptions tell the truth; nothing to change makes none.
"""

from collections.abc import Callable

from django.http import HttpResponse

from kernel.errors import Conflict
from records import labels, reading, scopes, writing
from records.api import wire
from records.api.operations import parameters
from records.api.operations.row import STANDARD, Operation
from records.errors import Malformed
from records.stored import Stored
from records.writing import Write

Change = Callable[[wire.Json, wire.Json], wire.Json]


def meta(exchange: wire.Exchange) -> HttpResponse:
    """The meta of the current version."""
    scopes.check(exchange.by, exchange.kind, "r")
    parameters.check_known(parameters.given(exchange), ())
    found = reading.current(exchange.kind, exchange.id, by=exchange.by)
    return _answer(found.body["meta"])


def meta_add(exchange: wire.Exchange) -> HttpResponse:
    """Add profiles, tags and security labels."""
    return _changed(exchange, labels.added)


def meta_delete(exchange: wire.Exchange) -> HttpResponse:
    """Take profiles, tags and security labels away; those that are not there are no error."""
    return _changed(exchange, labels.removed)


def _changed(exchange: wire.Exchange, change: Change) -> HttpResponse:
    for letter in "ru":
        scopes.check(exchange.by, exchange.kind, letter)
    given = parameters.given(exchange)
    parameters.check_known(given, {"meta"})
    asked = parameters.element(given, "meta")
    if asked is None:
        raise Malformed("meta", "is required")
    labels.check(asked, "meta")
    found = reading.current(exchange.kind, exchange.id, by=exchange.by)
    if wire.if_match(exchange.request) not in (None, found.version):
        raise Conflict(f"the current version is {found.version}")
    body = found.body
    wanted = change(body["meta"], asked)
    if wanted == body["meta"]:
        return wire.stamp(_answer(wanted), found)
    # The version read is the one changed: nobody's write in between is lost.
    write = Write("PUT", exchange.kind, exchange.id, body | {"meta": wanted}, found.version)
    writing.commit([write], by=exchange.by, door=True)
    stored = Stored(write.kind, write.id, write.version, write.updated_ms, write.text)
    return wire.stamp(_answer(stored.body["meta"]), stored)


def _answer(found: wire.Json) -> HttpResponse:
    return parameters.answer({"name": "return", "valueMeta": found})


OPERATIONS = (
    Operation("meta", f"{STANDARD}Resource-meta", frozenset({"instance"}), meta),
    Operation(
        "meta-add",
        f"{STANDARD}Resource-meta-add",
        frozenset({"instance"}),
        meta_add,
        methods=frozenset({"POST"}),
    ),
    Operation(
        "meta-delete",
        f"{STANDARD}Resource-meta-delete",
        frozenset({"instance"}),
        meta_delete,
        methods=frozenset({"POST"}),
    ),
)
