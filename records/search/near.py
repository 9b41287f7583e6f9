"""``near`` of Location: latitude|longitude|distance|units (FHIR R4, location.html#search)."""

import math
from typing import Any

from django.db import connection

from records.errors import Malformed
from records.search import values
from records.search.parameters import Parameter

Part = tuple[str, list[Any]]
EARTH_KM = 6371.0088
USUAL_KM = 50.0
UNITS = {"": 1.0, "km": 1.0, "m": 0.001, "[mi_i]": 1.609344, "mi": 1.609344, "[ft_i]": 0.0003048}
PLACE_OF = {
    "postgresql": "(r.content::jsonb #>> '{{position,{0}}}')::float8",
    "sqlite": "json_extract(r.content, '$.position.{0}')",
}


def conditions(parameter: Parameter, wanted: tuple[str, ...]) -> Part:
    """Any of the places is near. Raises Malformed."""
    parts = [_near(parameter, value) for value in wanted]
    return f"({' OR '.join(text for text, _ in parts)})", [v for _, given in parts for v in given]


def _near(parameter: Parameter, value: str) -> Part:
    """A box on the index, then the exact distance over the sphere."""
    latitude, longitude, distance = _understood(parameter, value)
    high = math.degrees(distance / EARTH_KM)
    south, north = latitude - high, latitude + high
    wide = _width(latitude, distance)
    test, given = "x.k = %s AND x.v >= %s AND x.v < %s", [parameter.slots[0].key()]
    bounds: list[Any] = [values.number(south), values.number(math.nextafter(north, math.inf))]
    if longitude - wide >= -180 and longitude + wide <= 180:
        test += " AND substr(x.v, 9, 8) BETWEEN %s AND %s"
        bounds += [values.number(longitude - wide), values.number(longitude + wide)]
    here, there = (PLACE_OF[connection.vendor].format(n) for n in ("latitude", "longitude"))
    cosine = (
        f"sin(radians(%s)) * sin(radians({here})) + "
        f"cos(radians(%s)) * cos(radians({here})) * cos(radians({there} - %s))"
    )
    # CASE keeps the order: the position is read only of what lies in the box.
    text = (
        f"CASE WHEN r.id IN (SELECT x.resource_id FROM records_indexrow x WHERE {test}) "  # noqa: S608
        f"THEN {cosine} >= %s ELSE FALSE END"
    )
    floor = math.cos(min(distance / EARTH_KM, math.pi)) - 1e-12
    return text, [*given, *bounds, latitude, latitude, longitude, floor]


def _width(latitude: float, distance: float) -> float:
    """Degrees of longitude that the distance may span there; all of them near the poles."""
    angle = distance / EARTH_KM
    if abs(latitude) + math.degrees(angle) >= 90:
        return 360.0
    return math.degrees(math.asin(min(1.0, math.sin(angle) / math.cos(math.radians(latitude)))))


def _understood(parameter: Parameter, value: str) -> tuple[float, float, float]:
    parts = [*value.split("|"), "", "", ""][:4]
    unit = UNITS.get(parts[3] or "km")
    try:
        latitude, longitude = float(parts[0]), float(parts[1])
        distance = float(parts[2]) if parts[2] else USUAL_KM
    except ValueError:
        raise Malformed(parameter.name, "must look like latitude|longitude|distance|km") from None
    if unit is None:
        raise Malformed(parameter.name, f"units are {', '.join(sorted(filter(None, UNITS)))}")
    # Comparisons are false of what is not a number.
    if not (abs(latitude) <= 90 and abs(longitude) <= 180 and 0 <= distance * unit < 1e9):
        raise Malformed(parameter.name, "is no place on the earth")
    return latitude, longitude, distance * unit
