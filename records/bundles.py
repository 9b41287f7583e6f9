"""Batch and transaction Bundles (FHIR R4, http.html#transaction).

A transaction is all or nothing, and each error names its entry. All its conditional references
are one question to the database, all its writes a handful of statements.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from django.db import transaction

from kernel.errors import Conflict, HouseError, Invalid, Missing
from kernel.ids import new_id
from kernel.principal import Principal
from records import conditions, outcomes, reading, scopes, writing
from records.kinds import KINDS
from records.search import search
from records.search.values import own_base
from records.stored import Stored
from records.writing import Write

Json = dict[str, Any]
METHODS = ("DELETE", "POST", "PUT", "GET", "HEAD")
ADDRESSES = frozenset({"reference", "url", "valueUri", "valueUrl"})
MOST_ENTRIES = 5000


@dataclass(slots=True)
class Door:
    """How it came in, and for whom; through REST, scopes, ownership and hooks apply."""

    by: Principal
    rest: bool = False
    base: str = ""
    full: bool = False
    institution: str | None = None


@dataclass(slots=True)
class Entry:
    """One entry understood, and what became of it."""

    path: str
    method: str
    kind: str
    id: str
    query: list[tuple[str, str]]
    request: Json
    body: Json | None
    full_url: str
    write: Write | None = None
    existing: str = ""
    response: Json = field(default_factory=dict)


def process(bundle: Json, *, by: Principal) -> Json:
    """Carry out a Bundle for a service of this house; see ``carry_out``."""
    return carry_out(bundle, Door(by))


def carry_out(bundle: Json, door: Door) -> Json:
    """Carry out a batch or transaction and return the response Bundle.

    Raises Invalid, Missing, Conflict, Forbidden for a transaction, naming ``Bundle.entry[n]``; a
    batch answers each entry for itself.
    """
    kind = bundle.get("type")
    if bundle.get("resourceType") != "Bundle" or kind not in ("batch", "transaction"):
        raise Invalid("Bundle.type", "must be a Bundle of type batch or transaction")
    raw = bundle.get("entry", [])
    if not isinstance(raw, list) or len(raw) > MOST_ENTRIES:
        raise Invalid("Bundle.entry", f"must be an array of at most {MOST_ENTRIES}")
    if kind == "batch":
        answers = [_alone(item, place, door) for place, item in enumerate(raw)]
    else:
        entries = [_entry(item, place) for place, item in enumerate(raw)]
        _together(entries, door)
        answers = [entry.response for entry in entries]
    return {
        "resourceType": "Bundle",
        "type": f"{kind}-response",
        **({"entry": answers} if answers else {}),
    }


def _alone(item: Any, place: int, door: Door) -> Json:
    try:
        entry = _entry(item, place)
        _together([entry], door)
    except HouseError as error:
        status, outcome = outcomes.of(error)
        return {"response": {"status": str(status), "outcome": outcome}}
    return entry.response


def _entry(item: Any, place: int) -> Entry:
    path = f"Bundle.entry[{place}]"
    request = item.get("request") if isinstance(item, dict) else None
    if not isinstance(request, dict):
        raise Invalid(f"{path}.request", "is required")
    method, url = request.get("method"), request.get("url")
    if method not in METHODS:
        raise Invalid(f"{path}.request.method", f"must be one of {', '.join(METHODS)}")
    if not isinstance(url, str):
        raise Invalid(f"{path}.request.url", "is required")
    address, _, query = url.removeprefix(own_base()).lstrip("/").partition("?")
    kind, _, id_ = address.partition("/")
    if kind not in KINDS:
        raise Invalid(f"{path}.request.url", "names a type that is not served")
    full_url = item.get("fullUrl", "")
    entry = Entry(
        *(path, method, kind, id_, parse_qsl(query, keep_blank_values=True), request),
        item.get("resource"),
        full_url if isinstance(full_url, str) else "",
    )
    _check(entry)
    return entry


def _check(entry: Entry) -> None:
    if entry.method in ("POST", "PUT"):
        if not isinstance(entry.body, dict):
            raise Invalid(f"{entry.path}.resource", "is required")
        if entry.body.get("resourceType") != entry.kind:
            raise Invalid(f"{entry.path}.resource.resourceType", f"must be {entry.kind}")
    if entry.method == "POST" and entry.id:
        raise Invalid(f"{entry.path}.request.url", "a POST names a type only")
    if entry.method in ("PUT", "DELETE") and not entry.id and not entry.query:
        raise Invalid(f"{entry.path}.request.url", "names neither an id nor a condition")
    own = entry.body.get("id") if entry.body and entry.method == "PUT" and entry.id else None
    if own is not None and own != entry.id:
        raise Invalid(f"{entry.path}.resource.id", "differs from the id in request.url")


def _together(entries: list[Entry], door: Door) -> None:
    if door.rest:
        for entry in entries:
            _check_scopes(entry, door.by)
    with transaction.atomic():
        _plan(entries, door.by)
        writes = [entry.write for entry in entries if entry.write]
        for write in writes:
            write.institution = door.institution
        writing.commit(writes, by=door.by, door=door.rest)
        for entry in entries:
            entry.response = _response(entry, door)


LETTERS = {"POST": "c", "PUT": "u", "DELETE": "d", "GET": "s", "HEAD": "s"}


def _check_scopes(entry: Entry, by: Principal) -> None:
    letter = LETTERS[entry.method]
    reads = entry.method in ("GET", "HEAD") and entry.id
    scopes.check(by, entry.kind, "r" if reads else letter)
    if "ifNoneExist" in entry.request or (entry.query and letter in "ud"):
        scopes.check(by, entry.kind, "s")


def _plan(entries: list[Entry], by: Principal) -> None:
    """Decide every id, then make references point to them."""
    asked = conditions.Questions(by)
    for entry in entries:
        if query := _condition(entry):
            asked.add(entry.kind, query, entry.path)
        if entry.body is not None:
            for where, holder, key in _references(entry.body, f"{entry.path}.resource"):
                asked.note(holder[key], where)
    asked.ask()
    names: dict[str, str] = {}
    for entry in entries:
        _place(entry, asked)
        if entry.full_url and entry.method in ("POST", "PUT"):
            names[entry.full_url] = f"{entry.kind}/{entry.existing or entry.id}"
    bodies = {f"{e.kind}/{e.id}": e.body for e in entries if e.body is not None and not e.existing}
    for entry in entries:
        if entry.body is not None and not entry.existing:
            _resolve(entry, names, asked, bodies)
    _check_once(entries)


def _condition(entry: Entry) -> list[tuple[str, str]]:
    if entry.method == "POST" and (text := entry.request.get("ifNoneExist")):
        return parse_qsl(str(text).removeprefix("?").removeprefix(f"{entry.kind}?"))
    return entry.query if entry.method in ("PUT", "DELETE") and not entry.id else []


def _place(entry: Entry, asked: "conditions.Questions") -> None:
    """Fill in the entry's id and its write."""
    found = asked.answer(entry.kind, query, entry.path) if (query := _condition(entry)) else None
    if entry.method == "POST":
        entry.existing = found or ""
        entry.id = new_id()
    elif entry.method == "PUT" and not entry.id:
        given = (entry.body or {}).get("id")
        entry.id = found or (given if isinstance(given, str) else new_id())
    elif entry.method == "DELETE" and not entry.id:
        if found is None:
            return
        entry.id = found
    if entry.method not in ("GET", "HEAD") and not entry.existing:
        fresh = entry.method == "POST"
        path = f"{entry.path}.resource" if entry.body is not None else entry.path
        entry.write = Write(
            *(entry.method, entry.kind, entry.id, entry.body),
            if_match=_if_match(entry),
            path=path,
            fresh=fresh,
        )


def _if_match(entry: Entry) -> int | None:
    text = entry.request.get("ifMatch")
    if text is None:
        return None
    bare = str(text).removeprefix("W/").strip('"')
    if not bare.isascii() or not bare.isdigit() or len(bare) > 9:
        raise Invalid(f"{entry.path}.request.ifMatch", 'must look like W/"1"')
    return int(bare)


def _references(node: Any, path: str) -> Iterator[tuple[str, Json, str]]:
    """Every place of a resource that holds an address: its path, and where to change it."""
    if isinstance(node, list):
        for place, item in enumerate(node):
            if isinstance(item, dict | list):
                yield from _references(item, f"{path}[{place}]")
    elif isinstance(node, dict):
        for key, value in node.items():
            if isinstance(value, dict | list):
                yield from _references(value, f"{path}.{key}")
            elif key in ADDRESSES and isinstance(value, str):
                yield f"{path}.{key}", node, key


def _resolve(
    entry: Entry, names: dict[str, str], asked: "conditions.Questions", bodies: dict[str, Json]
) -> None:
    for where, holder, key in list(_references(entry.body, f"{entry.path}.resource")):
        address: str = holder[key]
        if address in names:
            holder[key] = names[address]
        elif key == "reference":
            if address.startswith(("urn:uuid:", "urn:oid:")):
                raise Invalid(where, "refers to nothing in this Bundle")
            if conditions.is_condition(address):
                holder[key] = asked.resolve(address, where, bodies)


def _check_once(entries: list[Entry]) -> None:
    seen: dict[tuple[str, str], str] = {}
    for entry in entries:
        if entry.write is None:
            continue
        before = seen.setdefault((entry.kind, entry.id), entry.path)
        if before != entry.path:
            raise Invalid(f"{entry.path}.request.url", f"the same resource as {before}")


def _response(entry: Entry, door: Door) -> Json:
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
    answer: Json = {"response": _headers(status, stored)}
    if door.base:
        answer["fullUrl"] = f"{door.base}/{stored.reference}"
    if door.full:
        answer["resource"] = stored.fragment
    return answer


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
