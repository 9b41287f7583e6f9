"""What became of each entry of a Bundle."""

from typing import Any

from kernel.errors import Conflict, HouseError, Invalid, Missing
from records import reading
from records.bundles.entries import Door, Entry
from records.search import search
from records.stored import Stored

Json = dict[str, Any]


def answer(entry: Entry, door: Door) -> Json:
    """The entry of the response Bundle. Raises the reads' own errors, naming the entry."""
    if entry.method in ("GET", "HEAD"):
        return _read(entry, door)
    if entry.existing:
        found = reading.current(entry.kind, entry.existing, by=door.by)
        return {"response": _headers("200 OK", found)}
    write = entry.write
    if write is None or write.method == "DELETE":
        return {"response": {"status": "204 No Content"}}
    stored = Stored(write.kind, write.id, write.version, write.updated_ms, write.text)
    status = "201 Created" if write.created else "200 OK"
    made: Json = {"response": _headers(status, stored)}
    if door.base:
        made["fullUrl"] = f"{door.base}/{stored.reference}"
    if door.full:
        made["resource"] = stored.fragment
    return made


def _headers(status: str, stored: Stored) -> Json:
    return {
        "status": status,
        "location": f"{stored.reference}/_history/{stored.version}",
        "etag": f'W/"{stored.version}"',
        "lastModified": stored.last_updated.isoformat(timespec="milliseconds").replace(
            "+00:00", "Z"
        ),
    }


def _read(entry: Entry, door: Door) -> Json:
    try:
        if entry.id:
            found = reading.current(entry.kind, entry.id, by=door.by)
            return {"resource": found.fragment, "response": _headers("200 OK", found)}
        page = search(entry.kind, entry.query, by=door.by)
    except (Missing, Invalid, Conflict) as error:
        raise _named(entry, error) from error
    matches = [{"resource": stored.fragment} for stored in page.matches]
    total = {} if page.total is None else {"total": page.total}
    bundle = {"resourceType": "Bundle", "type": "searchset", **total, "entry": matches}
    if not matches:
        del bundle["entry"]
    return {"resource": bundle, "response": {"status": "200 OK"}}


def _named(entry: Entry, error: HouseError) -> HouseError:
    """The same error, naming the entry."""
    if isinstance(error, Invalid):
        (path, says), *more = [(f"{entry.path}.request.url: {p}", s) for p, s in error.issues]
        return Invalid(path, says, *more)
    return type(error)(f"{entry.path}: {error.says}")
