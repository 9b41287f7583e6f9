"""Documents: a Composition with everything that it refers to (FHIR R4, documents.html).

What the Composition itself names must be there. What that refers to follows, as far as it lies in
the same patient's record or in nobody's.
"""

# Text is made of constants and marks only; every value travels as a parameter.

import re
from collections.abc import Iterable, Iterator
from datetime import UTC
from typing import Any

from kernel.clock import now
from kernel.errors import Invalid
from kernel.ids import new_id
from kernel.principal import Principal
from records import access, build, rows
from records.errors import TooCostly
from records.kinds import KINDS
from records.search.values import reference
from records.stored import Stored

Json = dict[str, Any]
MOST_RESOURCES = 2000
STEPS = 8
AT_A_TIME = 500
BINARY = re.compile(r"(?:.*/)?(Binary/[A-Za-z0-9.-]{1,64})(?:/_history/.*)?")
READ = """
SELECT r.kind, r.logical_id, r.version, r.updated_ms, r.content, r.patient
FROM records_resource r
WHERE (r.kind, r.logical_id) IN (VALUES {pairs}) AND NOT r.deleted AND {seen}
"""


def compose(composition: Stored, *, base: str, by: Principal) -> Json:
    """The document Bundle of a Composition, for a reader of ``base``.

    Raises Invalid naming a reference of the Composition that leads to nothing that ``by`` may see,
    TooCostly for a document of more than ``MOST_RESOURCES``.
    """
    parts = _parts(composition, by)
    return {
        "resourceType": "Bundle",
        "type": "document",
        "identifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{new_id()}"},
        "timestamp": build.moment(now().astimezone(UTC)),
        "entry": [
            {"fullUrl": f"{base}/{part.reference}", "resource": part.fragment}
            for part in (composition, *parts)
        ],
    }


def _parts(composition: Stored, by: Principal) -> list[Stored]:
    named = dict(_addresses(composition.body, "Composition"))
    found = _read(named, None, by)
    for name, path in named.items():
        if name not in found and name != composition.reference:
            raise Invalid(path, "refers to nothing that is here")
    patient = next(iter(_subjects(composition)), "")
    fresh = found
    for _ in range(STEPS):
        wanted = {
            name
            for stored in fresh.values()
            for name, _ in _addresses(stored.body, stored.kind)
            if name not in found and name != composition.reference
        }
        fresh = _read(wanted, ["", patient], by)
        found = found | fresh
        if len(found) > MOST_RESOURCES:
            raise TooCostly("Composition", f"refers to more than {MOST_RESOURCES} resources")
        if not fresh:
            break
    found.pop(composition.reference, None)
    return list(found.values())


def _subjects(composition: Stored) -> Iterator[str]:
    subject = composition.body.get("subject", {}).get("reference", "")
    target = reference(subject) or ""
    if target.startswith("Patient/"):
        yield target.removeprefix("Patient/")


def _addresses(node: Any, path: str) -> Iterator[tuple[str, str]]:
    """``Kind/id`` and the path of every reference to this service, and of attached Binaries."""
    if isinstance(node, list):
        for place, item in enumerate(node):
            yield from _addresses(item, f"{path}[{place}]")
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "reference" and isinstance(value, str):
                target = reference(value) or ""
                if target.count("/") == 1 and target.partition("/")[0] in KINDS:
                    yield target, f"{path}.{key}"
            elif key == "url" and isinstance(value, str) and (binary := BINARY.fullmatch(value)):
                yield binary[1], f"{path}.{key}"
            elif isinstance(value, dict | list):
                yield from _addresses(value, f"{path}.{key}")


def _read(names: Iterable[str], patients: list[str] | None, by: Principal) -> dict[str, Stored]:
    """What ``by`` may see of these, of the records of ``patients`` alone where they are given."""
    seen, holds = access.visible(by)
    pairs = [tuple(name.split("/")) for name in names]
    found: dict[str, Stored] = {}
    for begin in range(0, len(pairs), AT_A_TIME):
        part = pairs[begin : begin + AT_A_TIME]
        sql = READ.format(pairs=", ".join(["(%s, %s)"] * len(part)), seen=seen)
        for *columns, patient in rows.fetch(sql, [*(w for pair in part for w in pair), *holds]):
            if patients is None or patient in patients:
                stored = Stored(*columns)
                found[stored.reference] = stored
    return {name: found[name] for name in names if name in found}
