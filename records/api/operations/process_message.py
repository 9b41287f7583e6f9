"""$process-message (FHIR R4, messageheader-operation-process-message.html), answered at once.

A partner's token needs ``system/MessageHeader.c``; what the message asks for is checked by who
processes it.
"""

from django.http import HttpResponse

from records import access, messaging, scopes
from records.api import wire
from records.api.operations import parameters
from records.api.operations.row import STANDARD, Operation
from records.errors import Malformed, Unsupported


def process_message(exchange: wire.Exchange) -> HttpResponse:
    """The response message: ``ok`` or ``fatal-error`` with an OperationOutcome."""
    scopes.check(exchange.by, "MessageHeader", "c")
    access.check_create(exchange.by, "MessageHeader")
    given = parameters.given(exchange, resource="content")
    parameters.check_known(given, {"content", "async", "response-url"})
    if parameters.flag(given, "async") or parameters.text(given, "response-url"):
        raise Unsupported("messages are answered at once here", status=422)
    content = parameters.element(given, "content")
    if content is None:
        raise Malformed("content", "is required")
    return wire.answer(messaging.process(content, by=exchange.by, base=exchange.base))


OPERATION = Operation(
    "process-message",
    f"{STANDARD}MessageHeader-process-message",
    frozenset({"system"}),
    process_message,
    methods=frozenset({"POST"}),
)
