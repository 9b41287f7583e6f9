"""Decides every id of a Bundle's entries, then makes references point to them."""

from kernel.errors import Invalid
from kernel.ids import new_id
from kernel.principal import Principal
from records.bundles import references
from records.bundles.conditions import Questions
from records.bundles.entries import Entry, condition, if_match
from records.writing import Write


def plan(entries: list[Entry], by: Principal) -> None:
    """Fill in ``id``, ``existing`` and ``write`` of every entry. Raises Invalid, Conflict."""
    asked = Questions(by)
    for entry in entries:
        if query := condition(entry):
            asked.add(entry.kind, query, entry.path)
        if entry.body is not None:
            for where, holder, key in references.places(entry.body, f"{entry.path}.resource"):
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
            references.resolve(entry, names, asked, bodies)
    _check_once(entries)


def _place(entry: Entry, asked: Questions) -> None:
    """Fill in the entry's id and its write."""
    found = asked.answer(entry.kind, query, entry.path) if (query := condition(entry)) else None
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
            if_match=if_match(entry),
            path=path,
            fresh=fresh,
        )


def _check_once(entries: list[Entry]) -> None:
    seen: dict[tuple[str, str], str] = {}
    for entry in entries:
        if entry.write is None:
            continue
        before = seen.setdefault((entry.kind, entry.id), entry.path)
        if before != entry.path:
            raise Invalid(f"{entry.path}.request.url", f"the same resource as {before}")
