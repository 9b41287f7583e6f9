"""Decides every id of a Bundle's entries, then makes references point to them."""

from collections.abc import Sequence

from kernel.errors import Invalid, Missing
from kernel.ids import new_id
from records.bundles import entries as understood
from records.bundles.entries import Door, Entry, condition
from records.bundles.questions import Questions
from records.bundles.references import References
from records.conditions import take_turn
from records.search.values import own_base
from records.write import Write

# The order of FHIR R4, http.html#trules: what is deleted fits no condition of the rest.
ORDER = ("DELETE", "POST", "PUT", "PATCH", "GET", "HEAD")


def plan(entries: Sequence[Entry], door: Door) -> list[Entry]:
    """Fill in ``id``, ``existing`` and ``write`` of every entry; return them in R4's order.

    Raises Invalid, Missing, Conflict.
    """
    _check_full_urls(entries)
    asked = Questions(door.by)
    references = References(entries, door.base or own_base().rstrip("/"))
    conditional = [entry for entry in entries if condition(entry)]
    for entry in conditional:
        asked.add(entry.kind, condition(entry), entry.path)
    references.ask(asked)
    take_turn((e.kind, condition(e)) for e in conditional if understood.creates(e))
    asked.ask()
    ordered = sorted(entries, key=lambda entry: ORDER.index(entry.method))
    for entry in ordered:
        _place(entry, asked)
    references.resolve(entries, asked)
    _check_once(entries)
    return ordered


def _check_full_urls(entries: Sequence[Entry]) -> None:
    seen: dict[str, str] = {}
    for entry in entries:
        if entry.full_url and not entry.reads:
            before = seen.setdefault(entry.full_url, entry.path)
            if before != entry.path:
                raise Invalid(f"{entry.path}.fullUrl", f"the same as that of {before} (bdl-7)")


def _place(entry: Entry, asked: Questions) -> None:
    """Fill in the entry's id and its write."""
    if entry.reads:
        return
    query = condition(entry)
    found = asked.answer(entry.kind, query, entry.path) if query else None
    _DECIDE[entry.method](entry, found)
    if entry.existing or not entry.id:
        return
    if query and understood.creates(entry):
        asked.learn(entry.kind, query, entry.id)
    if entry.method == "DELETE":
        asked.forget(entry.target)
    path = entry.path if entry.method == "DELETE" else f"{entry.path}.resource"
    # What has this id and does not fit the condition is another resource: it is not meant.
    foreign = entry.method == "PUT" and bool(query) and not found
    entry.write = Write(
        *("PUT" if entry.patch else entry.method, entry.kind, entry.id, entry.body),
        if_match=understood.if_match(entry),
        path=path,
        fresh=entry.method == "POST",
        only_new=foreign or understood.only_new(entry),
        patch=entry.patch,
    )


def _post(entry: Entry, found: str | None) -> None:
    entry.existing = found or ""
    entry.id = found or new_id()


def _put(entry: Entry, found: str | None) -> None:
    if entry.id:
        return
    given = (entry.body or {}).get("id")
    if found is not None and given not in (None, found):
        raise Invalid(f"{entry.path}.resource.id", "is not the id of the resource that fits")
    entry.id = found or (given if isinstance(given, str) else new_id())


def _patch(entry: Entry, found: str | None) -> None:
    if not entry.id and found is None:
        raise Missing(f"{entry.path}: no {entry.kind} fits the condition")
    entry.id = entry.id or found or ""


def _delete(entry: Entry, found: str | None) -> None:
    entry.id = entry.id or found or ""


_DECIDE = {"POST": _post, "PUT": _put, "PATCH": _patch, "DELETE": _delete}


def _check_once(entries: Sequence[Entry]) -> None:
    seen: dict[str, str] = {}
    for entry in entries:
        if entry.write is None:
            continue
        before = seen.setdefault(entry.target, entry.path)
        if before != entry.path:
            raise Invalid(f"{entry.path}.request.url", f"the same resource as {before}")
