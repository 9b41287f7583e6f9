"""What became of each entry of a Bundle."""

from typing import Any

from records import outcomes, reading
from records.bundles.entries import Door, Entry
from records.errors import Unsupported
from records.stored import Stored

Json = dict[str, Any]


def answer(entry: Entry, door: Door) -> Json:
    """The entry of the response Bundle. Raises what reading it raises."""
    if entry.reads:
        if door.read is None:
            raise Unsupported("reads come in through REST")
        return door.read(entry)
    write = entry.write
    if entry.existing:
        found = reading.current(entry.kind, entry.existing, by=door.by)
        return _wrote("200 OK", found, door)
    if write is None or write.method == "DELETE":
        return {"response": {"status": "204 No Content", **_wished(door)}}
    stored = Stored(write.kind, write.id, write.version, write.updated_ms, write.text)
    return _wrote("201 Created" if write.created else "200 OK", stored, door)


def _wrote(status: str, stored: Stored, door: Door) -> Json:
    made: Json = {"fullUrl": f"{door.base}/{stored.reference}"} if door.base else {}
    if door.wish == "representation":
        made["resource"] = stored.fragment
    made["response"] = {
        "status": status,
        "location": f"{stored.reference}/_history/{stored.version}",
        "etag": f'W/"{stored.version}"',
        "lastModified": stored.instant,
        **_wished(door),
    }
    return made


def _wished(door: Door) -> Json:
    return {"outcome": outcomes.DONE} if door.wish == "OperationOutcome" else {}
