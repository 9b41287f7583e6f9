"""The door's part of the trail: each interaction becomes events, whatever came of it."""

import re
from collections.abc import Callable

from django.db import OperationalError
from django.http.response import HttpResponseBase

from kernel.errors import HouseError
from kernel.ids import new_id
from records import audit, outcomes
from records.api import wire
from records.audit.events import Event, made
from records.audit.trail import Touched, Trail
from records.kinds import KINDS
from records.search.values import reference

PLAIN = re.compile(r"[A-Za-z0-9._-]{1,64}")
PARAMETER = re.compile(r"[A-Za-z_][\w:.$-]{0,59}", re.ASCII)
LONGEST = 300
BY_METHOD = {
    "GET": ("R", "read"),
    "HEAD": ("R", "read"),
    "POST": ("C", "create"),
    "PUT": ("U", "update"),
    "PATCH": ("U", "patch"),
    "DELETE": ("D", "delete"),
}
WRITES = {"C": "create", "U": "update", "D": "delete"}


def carried_out(
    exchange: wire.Exchange, address: str, work: Callable[[], HttpResponseBase]
) -> HttpResponseBase:
    """Do the ``work`` of an exchange and note who accessed what, by it. Raises Busy, and as it."""
    audit.check_room()
    with audit.following() as trail:
        try:
            response = work()
        except Exception as error:
            foreseen = isinstance(error, HouseError | OperationalError)
            _note(exchange, address, trail, outcomes.of(error)[0] if foreseen else 500)
            raise
    _note(exchange, address, trail, response.status_code)
    return response


def _note(exchange: wire.Exchange, address: str, trail: Trail, status: int) -> None:
    action, interaction = _interaction(exchange.request.method or "", address.split("/"))
    main = made(exchange.by, action, trail.interaction or interaction)
    main.status, main.found, main.asked = status, trail.found, _asked(exchange)
    main.request = _request_id(exchange)
    entity = _entity(exchange, trail)
    if entity is not None:
        _say(main, entity)
        # A PUT may create: what was done counts.
        main.action = main.action if entity.action == "R" else entity.action
    elif exchange.kind in KINDS:
        main.kind = exchange.kind
        main.logical_id = exchange.id if PLAIN.fullmatch(exchange.id) else ""
        main.patient = _of_search(exchange) if trail.found else ""
    audit.note(main)
    for touched in trail.touched:
        if touched.action != "R" and touched is not entity:
            also = made(exchange.by, touched.action, WRITES[touched.action])
            also.status, also.request = status, main.request
            _say(also, touched)
            audit.note(also)


def _entity(exchange: wire.Exchange, trail: Trail) -> Touched | None:
    """What the address names; of a creation, what was created."""
    for touched in trail.touched:
        if (touched.kind, touched.id) == (exchange.kind, exchange.id):
            return touched
    if exchange.kind and not exchange.id:
        return next((t for t in trail.touched if t.kind == exchange.kind), None)
    return None


def _say(event: Event, touched: Touched) -> None:
    event.kind, event.logical_id, event.version = touched.kind, touched.id, touched.version
    event.patient, event.keeper = touched.patient, touched.keeper


def _interaction(method: str, words: list[str]) -> tuple[str, str]:
    """FHIR's letter and word for it (audit-event-action, restful-interaction)."""
    last = words[-1]
    if words[0].startswith("$") or last.startswith("$"):
        name = words[0] if words[0].startswith("$") else last
        return "E", name if PARAMETER.fullmatch(name[1:]) else "$"
    if "_history" in words:
        level = "vread" if last != "_history" else f"history-{_level(words)}"
        return "R", level
    if words == [""] and method == "POST":
        return "E", "transaction"
    if words in ([""], ["_search"]):
        return "E", "search-system"
    if last == "_search" or len(words) > 2 or (len(words) == 1 and method in ("GET", "HEAD")):
        return "E", "search-type"
    return BY_METHOD.get(method, ("E", method[:20]))


def _level(words: list[str]) -> str:
    return {1: "system", 2: "type"}.get(len(words), "instance")


def _asked(exchange: wire.Exchange) -> str:
    """Names of parameters: values may tell who is sought."""
    names = dict.fromkeys(name for name, _ in exchange.query)
    if exchange.request.content_type == wire.FORM:
        names |= dict.fromkeys(exchange.request.POST)
    told = (name if PARAMETER.fullmatch(name) else "?" for name in names)
    return "&".join(told)[:LONGEST]


def _of_search(exchange: wire.Exchange) -> str:
    """The one patient of whom a search asks, if it does."""
    asked = {value for name, value in exchange.query if name in ("patient", "subject")}
    target = reference(asked.pop()) if len(asked) == 1 else None
    id_ = (target or "").removeprefix("Patient/")
    return id_ if PLAIN.fullmatch(id_) else ""


def _request_id(exchange: wire.Exchange) -> str:
    said = exchange.request.headers.get("X-Request-Id", "")
    return said if PLAIN.fullmatch(said) else new_id()
