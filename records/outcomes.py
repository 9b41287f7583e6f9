"""Errors, HTTP statuses and OperationOutcomes: one table."""

from typing import Any

from kernel.errors import (
    Busy,
    Conflict,
    Forbidden,
    HouseError,
    Invalid,
    Missing,
    Refused,
)
from records.errors import Gone, Malformed, TooCostly, TooMany, Unsupported

Json = dict[str, Any]

# The first row that fits decides: the nearer kinds of an error stand before their parents.
TABLE: tuple[tuple[type[HouseError], int, str], ...] = (
    (Gone, 410, "deleted"),
    (Missing, 404, "not-found"),
    (Forbidden, 403, "forbidden"),
    (Refused, 422, "business-rule"),
    (Conflict, 412, "conflict"),
    (Malformed, 400, "invalid"),
    (TooCostly, 422, "too-costly"),
    (Invalid, 422, "invalid"),
    (TooMany, 429, "throttled"),
    (Busy, 503, "transient"),
    (Unsupported, 404, "not-supported"),
)


def of(error: HouseError) -> tuple[int, Json]:
    """The HTTP status and the OperationOutcome of an error."""
    status, code = next((s, c) for kind, s, c in TABLE if isinstance(error, kind))
    if isinstance(error, Unsupported):
        status = error.status
    if isinstance(error, Invalid):
        return status, outcome(*(issue(code, says, path) for path, says in error.issues))
    return status, outcome(issue(code, error.says))


def issue(code: str, says: str, path: str = "", *, severity: str = "error") -> Json:
    """One issue; ``path`` is where, in FHIRPath as far as it is an element's."""
    found = {"severity": severity, "code": code, "diagnostics": f"{path}: {says}" if path else says}
    return found | ({"expression": [path]} if path else {})


def outcome(*issues: Json) -> Json:
    """An OperationOutcome."""
    return {"resourceType": "OperationOutcome", "issue": list(issues)}
