"""$validate (FHIR R4, resource-operation-validate): what is there to say of a resource?

The answer is 200 and an OperationOutcome, whether the resource is good or not. Nothing is written.
"""

from typing import Any

from django.http import HttpResponse

from kernel.errors import HouseError
from records import access, outcomes, profiles, reading, scopes, validate
from records.api import wire
from records.api.operations import parameters
from records.api.operations.row import STANDARD, Operation
from records.errors import Malformed, Unsupported
from records.profiles import Profile
from records.validation.issues import Issue

MODES = {"": "", "create": "c", "update": "u", "delete": "d", "profile": ""}
"""The letter of the scope that each mode asks about."""


def validate_resource(exchange: wire.Exchange) -> HttpResponse:
    """Errors, warnings and information; ``mode`` asks whether that interaction would be allowed."""
    given = _given(exchange)
    parameters.check_known(given, {"resource", "mode", "profile"})
    mode = parameters.text(given, "mode")
    if mode not in MODES:
        raise Malformed("mode", "must be create, update, delete or profile")
    profile = _profile(parameters.text(given, "profile"), exchange.kind)
    if mode == "profile" and not parameters.text(given, "profile"):
        raise Malformed("profile", "is required in this mode")
    body = parameters.element(given, "resource")
    issues = _allowed(exchange, mode)
    if body is None:
        kept = _kept(exchange, mode)
        issues += [] if mode == "delete" else validate.review(kept, profile)
    else:
        issues += _of_address(exchange, body, mode) or validate.review(body, profile)
    return _answer(issues)


def _given(exchange: wire.Exchange) -> dict[str, list[Any]]:
    """The parameters; a Parameters without a ``resource`` may itself be what is to be checked."""
    if exchange.kind != "Parameters" or exchange.method != "POST":
        return parameters.given(exchange)
    sent = wire.body(exchange.request)
    rows = sent.get("parameter")
    names = [row.get("name") for row in rows if isinstance(row, dict)] if rows else []
    if "resource" in names or sent.get("resourceType") != "Parameters":
        return parameters.given(exchange)
    asked: dict[str, list[Any]] = {
        name: [value] for name, value in exchange.query if name in ("mode", "profile")
    }
    return asked | {"resource": [sent]}


def _profile(canonical: str, kind: str) -> Profile | None:
    """The profile that is asked for; R4's own definition of the type asks for nothing more."""
    if not canonical or canonical.partition("|")[0] == profiles.STANDARD + kind:
        return None
    found = profiles.find(canonical)
    if found is None:
        says = f"profile: {canonical[:200]} is not a profile that is known here"
        raise Unsupported(says, status=422)
    return found


def _allowed(exchange: wire.Exchange, mode: str) -> list[Issue]:
    """What keeps the principal from that interaction, whatever the resource says."""
    try:
        if letter := MODES[mode]:
            scopes.check(exchange.by, exchange.kind, letter)
        if mode == "create":
            access.check_create(exchange.by, exchange.kind)
    except HouseError as error:
        return [Issue("", error.says, "forbidden")]
    return []


def _kept(exchange: wire.Exchange, mode: str) -> wire.Json:
    """What is in the store at this address. Raises Missing, Forbidden, Malformed."""
    if not exchange.id or mode in ("create", "update"):
        raise Malformed("resource", "is required here")
    scopes.check(exchange.by, exchange.kind, "r")
    return reading.current(exchange.kind, exchange.id, by=exchange.by).body


def _of_address(exchange: wire.Exchange, body: wire.Json, mode: str) -> list[Issue]:
    """What does not belong to the address; then nothing more needs saying."""
    kind = exchange.kind
    if body.get("resourceType") != kind:
        path = f"{kind}.resourceType"
        return [Issue(path, f"must be {kind}", "invalid", expression=path)]
    named = body.get("id")
    if mode == "update" and named is None:
        return [Issue(f"{kind}.id", "an update needs an id", "required", expression=f"{kind}.id")]
    if exchange.id and named not in (None, exchange.id):
        path = f"{kind}.id"
        return [Issue(path, "is not the id of the address", "value", expression=path)]
    return []


def _answer(issues: list[Issue]) -> HttpResponse:
    if not any(issue.severity == "error" for issue in issues):
        issues = [*issues, Issue("", "no errors", "informational", "information")]
    return wire.answer_json(outcomes.outcome(*map(outcomes.of_issue, issues)))


OPERATION = Operation(
    "validate",
    f"{STANDARD}Resource-validate",
    frozenset({"type", "instance"}),
    validate_resource,
)
