"""What an operation is called with, and answers: query strings and Parameters resources."""

from collections.abc import Iterable
from typing import Any

from django.http import HttpResponse

from records.api import wire
from records.errors import Malformed

Json = dict[str, Any]


def given(exchange: wire.Exchange, *, resource: str = "resource") -> dict[str, list[Any]]:
    """Every parameter by name: texts of the query, then the values and resources of the body.

    A body that is no Parameters is itself the parameter ``resource``. Raises Malformed,
    Unsupported.
    """
    found: dict[str, list[Any]] = {}
    for name, value in exchange.query:
        if not name.startswith("_") or name in ("_since", "_type", "_count"):
            found.setdefault(name, []).append(value)
    if exchange.request.method == "POST" and exchange.request.body:
        for name, value in of_body(wire.body(exchange.request), resource):
            found.setdefault(name, []).append(value)
    return found


def of_body(body: Json, resource: str = "resource") -> list[tuple[str, Any]]:
    """The pairs of a Parameters resource; any other is itself the parameter ``resource``."""
    if body.get("resourceType") != "Parameters":
        return [(resource, body)]
    rows = body.get("parameter", [])
    if not isinstance(rows, list):
        raise Malformed("Parameters.parameter", "must be an array")
    return [_row(row, f"Parameters.parameter[{place}]") for place, row in enumerate(rows)]


def _row(row: Any, path: str) -> tuple[str, Any]:
    name = row.get("name") if isinstance(row, dict) else None
    if not isinstance(name, str):
        raise Malformed(f"{path}.name", "is required")
    values = [value for key, value in row.items() if key.startswith("value")]
    values += [row[key] for key in ("resource", "part") if key in row]
    if len(values) != 1:
        raise Malformed(path, "holds one value, one resource or parts")
    return name, values[0]


def check_known(given: dict[str, list[Any]], known: Iterable[str]) -> None:
    """Refuse parameters that would be passed over. Raises Malformed."""
    for name in given:
        if name not in known:
            raise Malformed(name[:80], "is no parameter of this operation here")


def one(given: dict[str, list[Any]], name: str) -> Any:
    """The value of a parameter that may be given once, or None. Raises Malformed."""
    values = given.get(name, [])
    if len(values) > 1:
        raise Malformed(name, "may be given once only")
    return values[0] if values else None


def text(given: dict[str, list[Any]], name: str) -> str:
    """The text of a parameter, empty when it is not given. Raises Malformed."""
    value = one(given, name)
    if not isinstance(value, str | None):
        raise Malformed(name, "must be a string")
    return value or ""


def flag(given: dict[str, list[Any]], name: str) -> bool | None:
    """True or false, None when it is not given. Raises Malformed."""
    value = one(given, name)
    if value is None or isinstance(value, bool):
        return value
    if value not in ("true", "false"):
        raise Malformed(name, "must be true or false")
    return bool(value == "true")


def whole(given: dict[str, list[Any]], name: str) -> int | None:
    """A whole number from 0, None when it is not given. Raises Malformed."""
    value = one(given, name)
    said = "" if value is None or isinstance(value, bool) else str(value)
    if value is not None and not (said.isascii() and said.isdigit() and len(said) <= 9):
        raise Malformed(name, "must be a whole number")
    return int(said) if said else None


def element(given: dict[str, list[Any]], name: str) -> Json | None:
    """A complex value or a resource, None when it is not given. Raises Malformed."""
    value = one(given, name)
    if not isinstance(value, dict | None):
        raise Malformed(name, "must be an object")
    return value


def answer(*parameters: Json) -> HttpResponse:
    """A Parameters resource with these ``parameter`` entries."""
    return wire.answer_json({"resourceType": "Parameters", "parameter": list(parameters)})
