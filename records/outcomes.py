"""Errors, HTTP statuses and OperationOutcomes: one table."""

import logging
import re
import traceback
from http import HTTPStatus
from typing import Any

from django.db import OperationalError

from kernel.errors import (
    Busy,
    Conflict,
    Forbidden,
    HouseError,
    Invalid,
    Missing,
    Refused,
)
from records.errors import Collision, Gone, Malformed, TooCostly, TooMany, Unfit, Unsupported
from records.validation.issues import Issue

log = logging.getLogger(__name__)

Json = dict[str, Any]
ENTRY = re.compile(r"(Bundle\.entry\[\d+\]\S*): ")

# The first row that fits decides: the nearer kinds of an error stand before their parents.
TABLE: tuple[tuple[type[HouseError], int, str], ...] = (
    (Gone, 410, "deleted"),
    (Missing, 404, "not-found"),
    (Forbidden, 403, "forbidden"),
    (Refused, 422, "business-rule"),
    (Collision, 409, "conflict"),
    (Conflict, 412, "conflict"),
    (Malformed, 400, "invalid"),
    (TooCostly, 422, "too-costly"),
    (Invalid, 422, "invalid"),
    (TooMany, 429, "throttled"),
    (Busy, 503, "transient"),
    (Unsupported, 404, "not-supported"),
)


def of(error: Exception) -> tuple[int, Json]:
    """The HTTP status and the OperationOutcome of an error.

    What nobody foresaw is 500: the log gets its place, nobody gets what it says, which may be data.
    """
    if isinstance(error, OperationalError):
        return 503, outcome(issue("transient", "the database cannot answer now, try again"))
    if not isinstance(error, HouseError):
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{frame.filename.rpartition('/')[2]}:{frame.lineno}"
        log.error("fhir: %s at %s", type(error).__name__, place)
        return 500, outcome(issue("exception", "an error of the service; it has been noted"))
    status, code = next((s, c) for kind, s, c in TABLE if isinstance(error, kind))
    if isinstance(error, Unsupported):
        status = error.status
    if isinstance(error, Unfit):
        return status, outcome(*map(of_issue, error.found))
    if isinstance(error, Invalid):
        return status, outcome(*(issue(code, says, path) for path, says in error.issues))
    found = ENTRY.match(error.says)
    path = found[1] if found else ""
    return status, outcome(issue(code, error.says[found.end() :] if found else error.says, path))


def line(status: int) -> str:
    """A status as a Bundle says it: ``404 Not Found``."""
    return f"{status} {HTTPStatus(status).phrase}"


def issue(code: str, says: str, path: str = "", *, severity: str = "error") -> Json:
    """One issue; ``path`` is where, in FHIRPath as far as it is an element's."""
    path, says = _sayable(path), _sayable(says)
    found = {"severity": severity, "code": code, "diagnostics": f"{path}: {says}" if path else says}
    return found | ({"expression": [path]} if path else {})


def _sayable(text: str) -> str:
    """A path may name a key of the client's that no answer can say: a lone surrogate."""
    return text.encode("utf-8", "replace").decode()


def of_issue(found: Issue) -> Json:
    """One issue of a resource: the JSON place for people, the FHIRPath for machines."""
    made = issue(found.code, found.says, found.path, severity=found.severity)
    return made | ({"expression": [_sayable(found.expression)]} if found.expression else {})


def outcome(*issues: Json) -> Json:
    """An OperationOutcome."""
    return {"resourceType": "OperationOutcome", "issue": list(issues)}


DONE = outcome(issue("informational", "done", severity="information"))
"""What ``Prefer: return=OperationOutcome`` gets."""
