"""Carries out a Bundle: a transaction together, a batch entry by entry."""

from typing import Any

from django.db import transaction

from kernel.errors import HouseError, Invalid
from kernel.principal import Principal
from records import outcomes, scopes, writing
from records.bundles.answers import answer
from records.bundles.entries import Door, Entry, parse
from records.bundles.planning import plan

Json = dict[str, Any]
MOST_ENTRIES = 5000
LETTERS = {"POST": "c", "PUT": "u", "DELETE": "d", "GET": "s", "HEAD": "s"}


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
        entries = [parse(item, place) for place, item in enumerate(raw)]
        _together(entries, door)
        answers = [entry.response for entry in entries]
    return {
        "resourceType": "Bundle",
        "type": f"{kind}-response",
        **({"entry": answers} if answers else {}),
    }


def _alone(item: Any, place: int, door: Door) -> Json:
    try:
        entry = parse(item, place)
        _together([entry], door)
    except HouseError as error:
        status, outcome = outcomes.of(error)
        return {"response": {"status": str(status), "outcome": outcome}}
    return entry.response


def _together(entries: list[Entry], door: Door) -> None:
    if door.rest:
        for entry in entries:
            _check_scopes(entry, door.by)
    with transaction.atomic():
        plan(entries, door.by)
        writes = [entry.write for entry in entries if entry.write]
        for write in writes:
            write.institution = door.institution
        writing.commit(writes, by=door.by, door=door.rest)
        for entry in entries:
            entry.response = answer(entry, door)


def _check_scopes(entry: Entry, by: Principal) -> None:
    letter = LETTERS[entry.method]
    reads = entry.method in ("GET", "HEAD") and entry.id
    scopes.check(by, entry.kind, "r" if reads else letter)
    if "ifNoneExist" in entry.request or (entry.query and letter in "ud"):
        scopes.check(by, entry.kind, "s")
