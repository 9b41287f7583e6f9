"""Understands the entries of a Bundle: pure, no database. Every error names its entry."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from kernel.errors import Invalid
from kernel.principal import Principal
from records.kinds import KINDS
from records.search.values import own_base
from records.writing import Write

Json = dict[str, Any]
Pairs = list[tuple[str, str]]
METHODS = ("DELETE", "POST", "PUT", "GET", "HEAD")


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
    query: Pairs
    request: Json
    body: Json | None
    full_url: str
    write: Write | None = None
    existing: str = ""
    response: Json = field(default_factory=dict)


def parse(item: Any, place: int) -> Entry:
    """Understand ``Bundle.entry[place]``. Raises Invalid."""
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


def condition(entry: Entry) -> Pairs:
    """The search whose one match the entry means; empty when it names an id or makes a new one."""
    if entry.method == "POST" and (text := entry.request.get("ifNoneExist")):
        return parse_qsl(str(text).removeprefix("?").removeprefix(f"{entry.kind}?"))
    return entry.query if entry.method in ("PUT", "DELETE") and not entry.id else []


def if_match(entry: Entry) -> int | None:
    """The version of ``ifMatch``. Raises Invalid."""
    text = entry.request.get("ifMatch")
    if text is None:
        return None
    bare = str(text).removeprefix("W/").strip('"')
    if not bare.isascii() or not bare.isdigit() or len(bare) > 9:
        raise Invalid(f"{entry.path}.request.ifMatch", 'must look like W/"1"')
    return int(bare)
