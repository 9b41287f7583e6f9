"""``$export`` of all, of patients, of a Group: the kick-off request (Bulk Data 2.0.0)."""

from typing import Any

from django.http import HttpResponse

from records import outcomes
from records.api import exports, wire
from records.api.operations import parameters
from records.api.operations.row import Operation
from records.errors import Malformed
from records.export import services
from records.export.wish import Level
from records.search import clauses
from records.tasks import wake_export

CANONICAL = "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/"
PATIENT, GROUP = frozenset({"Patient"}), frozenset({"Group"})
LEVELS: dict[str, Level] = {"": "system", "Patient": "Patient", "Group": "Group"}


def export(exchange: wire.Exchange) -> HttpResponse:
    """Accept an export; its ``Content-Location`` says how far it is."""
    if not exchange.asks_for("respond-async"):
        raise Malformed("Prefer", "an export answers later only: say Prefer: respond-async")
    started = services.start(
        _given(exchange),
        level=LEVELS[exchange.kind],
        group=exchange.id,
        by=exchange.by,
        request=exchange.request.build_absolute_uri(),
        lenient=exchange.prefers("handling") == "lenient",
    )
    wake_export(started.public_id)
    said = outcomes.issue("informational", "the export has begun", severity="information")
    response = wire.answer_json(outcomes.outcome(said), 202)
    response["Content-Location"] = exports.status_address(exchange.base, started)
    return response


def _given(exchange: wire.Exchange) -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for name, value in exchange.query:
        if name == "patient":
            raise Malformed(name, "is sent by POST: addresses end in logs")
        if name not in clauses.IGNORED:
            pairs.append((name, value))
    if exchange.request.method == "POST" and exchange.request.body:
        pairs += parameters.of_body(wire.body(exchange.request))
    return pairs


OPERATIONS = (
    Operation("export", f"{CANONICAL}export", frozenset({"system"}), export),
    Operation("export", f"{CANONICAL}patient-export", frozenset({"type"}), export, PATIENT),
    Operation("export", f"{CANONICAL}group-export", frozenset({"instance"}), export, GROUP),
)
