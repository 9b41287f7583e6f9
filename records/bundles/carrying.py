"""Carries out a Bundle: a transaction together, a batch entry by entry."""

from typing import Any

from django.conf import settings
from django.db import transaction

from kernel.errors import HouseError, Invalid
from kernel.principal import Principal
from records import audit, outcomes, scopes, writing
from records.bundles.answers import answer
from records.bundles.entries import Door, Entry, condition, parse
from records.bundles.planning import plan
from records.errors import named

Json = dict[str, Any]
LETTERS = {"POST": "c", "PUT": "u", "PATCH": "u", "DELETE": "d"}


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
    most = settings.FHIR_MOST_ENTRIES
    if not isinstance(raw, list) or len(raw) > most:
        raise Invalid("Bundle.entry", f"must be an array of at most {most}")
    audit.called(kind)
    audit.count(len(raw))
    if kind == "batch":
        answers = [_alone(item, place, door) for place, item in enumerate(raw)]
    else:
        entries = [parse(item, place, door.base) for place, item in enumerate(raw)]
        # Whoever handed the Bundle over may have let it go: then memory shrinks as it is written.
        del bundle, raw
        _together(entries, door)
        answers = [entry.response for entry in entries]
    return {
        "resourceType": "Bundle",
        "type": f"{kind}-response",
        **({"entry": answers} if answers else {}),
    }


def _alone(item: Any, place: int, door: Door) -> Json:
    try:
        entry = parse(item, place, door.base)
        _together([entry], door)
    # Whatever it was: one entry's failure is not its neighbours'.
    except Exception as error:  # noqa: BLE001
        if isinstance(error, HouseError):
            error = named(error, f"Bundle.entry[{place}]")
        status, outcome = outcomes.of(error)
        return {"response": {"status": outcomes.line(status), "outcome": outcome}}
    return entry.response


def _together(entries: list[Entry], door: Door) -> None:
    if door.rest:
        for entry in entries:
            _check_scopes(entry, door.by)
    with transaction.atomic():
        ordered = plan(entries, door)
        writes = [entry.write for entry in ordered if entry.write]
        for write in writes:
            write.institution = door.institution
        for entry in entries:
            entry.body = None  # its write has it, as long as it is needed
        writing.commit(writes, by=door.by, door=door.rest)
        for entry in entries:
            _answer(entry, door)


def _answer(entry: Entry, door: Door) -> None:
    try:
        entry.response = answer(entry, door)
    except HouseError as error:
        raise named(error, entry.path) from None


def _check_scopes(entry: Entry, by: Principal) -> None:
    """Reads are checked where they are carried out."""
    if entry.reads:
        return
    try:
        scopes.check(by, entry.kind, LETTERS[entry.method])
        if condition(entry):
            scopes.check(by, entry.kind, "s")
    except HouseError as error:
        raise named(error, entry.path) from None
