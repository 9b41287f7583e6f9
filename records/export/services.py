"""Exports as their requesters see them: start, look, fetch, cancel; and what the clock does.

An export belongs to who asked for it: for everybody else it is Missing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import IntegrityError, transaction

from kernel.errors import Forbidden, Invalid, Missing
from kernel.principal import Principal
from records import access, reading, scopes
from records.errors import Gone, Malformed, TooMany
from records.export import files, limits, picks
from records.export.wish import Level, Wish, understand
from records.models import Export, ExportFile
from records.search.values import reference


def start(
    given: Iterable[tuple[str, Any]],
    *,
    level: Level,
    group: str = "",
    by: Principal,
    request: str,
    lenient: bool = False,
) -> Export:
    """A new export for ``by``; a worker is still to be woken.

    ``given`` are the parameters, ``group`` a Group's id, ``request`` the address that was asked.
    Raises Forbidden for people, Malformed, Missing and Invalid (the Group), TooMany.
    """
    if not by.has("partner", "system"):
        raise Forbidden("exports are for systems with scopes")
    wish = understand(given, level=level, by=by, lenient=lenient)
    picks.check(wish, by)
    if wish.patients is not None:
        scopes.check(by, "Patient", "r")
        _check_patients(wish.patients, by)
    if level == "Group":
        wish.patients = _members(group, wish.patients, by)
    return _store(wish, by, request)


def _check_patients(patients: Sequence[str], by: Principal) -> None:
    known = picks.known_patients(patients, by=by)
    for place, id_ in enumerate(patients):
        if id_ not in known:
            raise Malformed(f"patient[{place}]", "there is no such Patient")


def _members(group: str, asked: Sequence[str] | None, by: Principal) -> list[str]:
    """The patients who are active members of a Group; of them ``asked``, where some are."""
    scopes.check(by, "Group", "r")
    body = reading.current("Group", group, by=by).body
    if not body.get("actual"):
        raise Invalid("Group.actual", "a Group that is described, not listed, cannot be exported")
    found: dict[str, None] = {}
    for place, member in enumerate(body.get("member", [])):
        target = reference(member.get("entity", {}).get("reference", "")) or ""
        if target.startswith("Group/"):
            raise Invalid(f"Group.member[{place}].entity", "a Group within a Group is not followed")
        if target.startswith("Patient/") and not member.get("inactive"):
            found[target.partition("/")[2]] = None
    for place, id_ in enumerate(asked or ()):
        if id_ not in found:
            raise Malformed(f"patient[{place}]", "is no member of the Group")
    return list(found if asked is None else asked)


def _store(wish: Wish, by: Principal, request: str) -> Export:
    now = access.milliseconds()
    if Export.objects.filter(requester=by.reference).count() >= limits.MOST_KEPT:
        raise TooMany(
            f"{limits.MOST_KEPT} exports are kept: delete one (DELETE its status address)"
        )
    try:
        with transaction.atomic():
            return Export.objects.create(
                requester=by.reference,
                institution=by.institution,
                roles=sorted(by.roles),
                scopes=sorted(by.scopes),
                request=request,
                wish=wish.as_json(),
                at_ms=now,
                expires_ms=now + limits.kept_ms(),
            )
    except IntegrityError:
        raise TooMany("an export of yours is still running", retry_after=30) from None


def find(public_id: str, *, by: Principal) -> Export:
    """One's own export. Raises Missing."""
    mine = Export.objects.filter(requester=by.reference, expires_ms__gt=access.milliseconds())
    found = mine.filter(public_id=public_id).first() if "\0" not in public_id else None
    if found is None:
        raise Missing("there is no such export")
    return found


def cancel(public_id: str, *, by: Principal) -> None:
    """Stop it and forget its files. Raises Missing."""
    _remove(find(public_id, by=by))


def _remove(export: Export) -> None:
    # First the row: a worker that finds it gone writes nothing more.
    export.delete()
    files.remove(export.public_id)


@dataclass(frozen=True, slots=True)
class Opened:
    """A file to be sent: where it lies, its length as NDJSON and as gzip."""

    path: Path
    size: int
    packed: int


def open_file(public_id: str, name: str, *, by: Principal) -> Opened:
    """A file of one's own export, while ``by`` may still read all that is in it.

    Raises Missing, Gone, and Forbidden when scopes or access have become less since.
    """
    export = find(public_id, by=by)
    found = export.files.filter(name=name).first() if "\0" not in name else None
    if found is None or export.state != "done":
        raise Missing("there is no such file")
    path = files.folder(export.public_id) / found.name
    try:
        _check_still_open(export, found, path, by)
    except OSError:
        raise Gone("this file is no longer kept: export again") from None
    return Opened(path, found.size, found.packed)


def _check_still_open(export: Export, file: ExportFile, path: Path, by: Principal) -> None:
    if file.part == "error":
        return
    kind = file.name.partition("-")[0]
    for letter in "rs":
        scopes.check(by, kind, letter)
    if not picks.all_seen(files.versions(path), kind=kind, by=by):
        raise Forbidden("what you may read has changed since this export: start a new one")


def due() -> list[str]:
    """Running exports that nobody works on."""
    now = access.milliseconds()
    waiting = Export.objects.filter(state="running", held_until_ms__lte=now)
    return list(waiting.values_list("public_id", flat=True))


def clean() -> int:
    """Forget exports whose time is over, and folders of none; return how many exports."""
    over = list(Export.objects.filter(expires_ms__lte=access.milliseconds()))
    for export in over:
        _remove(export)
    # The folders first: one made meanwhile has its row already.
    names = files.folders()
    kept = set(Export.objects.values_list("public_id", flat=True))
    for name in names:
        if name not in kept:
            files.remove(name)
    return len(over)
