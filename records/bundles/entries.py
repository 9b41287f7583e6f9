"""Understands the entries of a Bundle: pure, no database. Every error names its entry."""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from kernel.errors import Invalid
from kernel.principal import Principal
from records.conditions import Pairs, pairs
from records.kinds import KINDS
from records.patches import JSON_PATCH, Patch, fhirpath_patch, json_patch
from records.search.values import own_base
from records.write import ANY, Write

Json = dict[str, Any]
METHODS = ("DELETE", "POST", "PUT", "PATCH", "GET", "HEAD")
READS = ("GET", "HEAD")
VERSION = re.compile(r'(?:W/)?"?(\d{1,9})"?')


@dataclass(slots=True)
class Entry:
    """One entry understood, and what became of it.

    ``existing`` is the logical id of what made a conditional creation needless; ``write`` is what
    is to be done, None when that is nothing.
    """

    path: str
    method: str
    url: str
    request: Json
    body: Json | None
    full_url: str
    kind: str = ""
    id: str = ""
    query: Pairs = field(default_factory=list)
    patch: Patch | None = None
    write: Write | None = None
    existing: str = ""
    response: Json = field(default_factory=dict)

    @property
    def reads(self) -> bool:
        """True for GET and HEAD."""
        return self.method in READS

    @property
    def target(self) -> str:
        """``Kind/id`` of the resource that it is about, once its id is decided."""
        return f"{self.kind}/{self.existing or self.id}"


Read = Callable[[Entry], Json]


@dataclass(slots=True)
class Door:
    """How it came in, and for whom; through REST, scopes, ownership and hooks apply.

    ``read`` carries out GET and HEAD entries and gives their entry of the response; ``wish`` is
    what ``Prefer: return`` says.
    """

    by: Principal
    rest: bool = False
    base: str = ""
    wish: str = ""
    institution: str | None = None
    read: Read | None = None


def parse(item: Any, place: int, base: str = "") -> Entry:
    """Understand ``Bundle.entry[place]``; ``base`` is our own address as the client says it.

    Raises Invalid.
    """
    path = f"Bundle.entry[{place}]"
    request = item.get("request") if isinstance(item, dict) else None
    if not isinstance(request, dict):
        raise Invalid(f"{path}.request", "is required")
    method, url = request.get("method"), request.get("url")
    if method not in METHODS:
        raise Invalid(f"{path}.request.method", f"must be one of {', '.join(METHODS)}")
    if not isinstance(url, str):
        raise Invalid(f"{path}.request.url", "is required")
    full_url = item.get("fullUrl", "")
    entry = Entry(
        *(path, method, _local(url, base), request, item.get("resource")),
        full_url if isinstance(full_url, str) else "",
    )
    if not entry.reads:
        _parse_write(entry)
    return entry


def _local(url: str, base: str) -> str:
    return url.removeprefix(f"{base}/").removeprefix(own_base()).lstrip("/")


def _parse_write(entry: Entry) -> None:
    address, _, query = entry.url.partition("?")
    entry.kind, _, entry.id = address.partition("/")
    entry.query = parse_qsl(query, keep_blank_values=True)
    if entry.kind not in KINDS:
        raise Invalid(f"{entry.path}.request.url", "names a type that is not served")
    if entry.method == "POST" and entry.id:
        raise Invalid(f"{entry.path}.request.url", "a POST names a type only")
    if entry.method != "POST" and not entry.id and not entry.query:
        raise Invalid(f"{entry.path}.request.url", "names neither an id nor a condition")
    if entry.method == "DELETE":
        entry.body = None
    elif not isinstance(entry.body, dict):
        raise Invalid(f"{entry.path}.resource", "is required")
    elif entry.method == "PATCH":
        entry.patch, entry.body = _patch(entry, entry.body), None
    else:
        _check_body(entry, entry.body)


def _check_body(entry: Entry, body: Json) -> None:
    if body.get("resourceType") != entry.kind:
        raise Invalid(f"{entry.path}.resource.resourceType", f"must be {entry.kind}")
    own = body.get("id") if entry.method == "PUT" and entry.id else None
    if own is not None and own != entry.id:
        raise Invalid(f"{entry.path}.resource.id", "differs from the id in request.url")


def _patch(entry: Entry, body: Json) -> Patch:
    """A JSON Patch travels in a Binary, a FHIRPath Patch as Parameters (R4, http.html#patch)."""
    where = f"{entry.path}.resource"
    if body.get("resourceType") == "Parameters":
        return fhirpath_patch.parse(body, f"{where}.")
    if body.get("resourceType") != "Binary":
        raise Invalid(where, "must be a Binary or Parameters")
    if body.get("contentType") != JSON_PATCH:
        raise Invalid(f"{where}.contentType", f"must be {JSON_PATCH}")
    try:
        data = base64.b64decode(body["data"], validate=True)
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise Invalid(f"{where}.data", "must be a patch in base64") from None
    return json_patch.parse(data, f"{where}.")


def condition(entry: Entry) -> Pairs:
    """The search whose one match the entry means; empty when it names an id or makes a new one."""
    if entry.method == "POST":
        text = entry.request.get("ifNoneExist")
        return [] if text is None else pairs(str(text), entry.kind)
    return [] if entry.id or entry.reads else entry.query


def creates(entry: Entry) -> bool:
    """True when it makes a new resource if its condition finds none."""
    return entry.method in ("POST", "PUT")


def if_match(entry: Entry) -> int | None:
    """The version of ``ifMatch``, ``ANY`` for ``*``. Raises Invalid."""
    text = entry.request.get("ifMatch")
    if text is None or text == "*":
        return None if text is None else ANY
    found = VERSION.fullmatch(str(text))
    if found is None:
        raise Invalid(f"{entry.path}.request.ifMatch", 'must look like W/"1"')
    return int(found[1])


def only_new(entry: Entry) -> bool:
    """True for ``ifNoneMatch: *`` on a PUT: nothing may be there. Raises Invalid."""
    text = entry.request.get("ifNoneMatch")
    if text is None or entry.method != "PUT":
        return False
    if text != "*":
        raise Invalid(f"{entry.path}.request.ifNoneMatch", "only * is understood for a write")
    return True
