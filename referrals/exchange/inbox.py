"""What partner hospitals write: updates of the Task that belongs to a referral."""

from collections.abc import Mapping
from typing import Any

from kernel.errors import Forbidden, Invalid
from records import hooks
from referrals import fhir
from referrals.models import Referral
from referrals.services import follow_partner, show_state

# What the receiving hospital may change of a Task that is ours; the rest is the order.
THEIRS = frozenset({"status", "businessStatus", "statusReason", "identifier", "output", "note"})
HOUSEKEEPING = frozenset({"meta", "text", "lastModified", "executionPeriod"})


def register() -> None:
    """Listen to writes of Tasks that come in through the FHIR API."""
    hooks.on_write("Task", task_written)


def task_written(change: hooks.Change) -> None:
    """Follow a partner's update of our Task, or refuse it.

    Tasks that belong to no referral are not ours to judge. Raises Forbidden for whoever is not
    the receiving hospital, Invalid naming the element.
    """
    referral = Referral.objects.filter(task_id=change.id).first()
    if referral is None:
        return
    if not change.by.has("partner") or change.by.institution != referral.to_institution:
        raise Forbidden("only the receiving hospital answers a referral by its Task")
    before = change.before
    if before is None or not change.after:
        raise Forbidden("a referral's Task is made and ended by its sender")
    check_theirs(before, change.after)
    show_state(follow_partner(referral, before=before, after=change.after, by=change.by))


def check_theirs(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Raise Invalid naming the elements that a partner changed and may not."""
    changed = {
        key
        for key in {*before, *after} - THEIRS - HOUSEKEEPING
        if before.get(key) != after.get(key)
    }
    if changed:
        issues = [(f"Task.{key}", "only the sender may change this") for key in sorted(changed)]
        raise Invalid(*issues[0], *issues[1:])
    kept = after.get("identifier", [])
    for number, identifier in enumerate(before.get("identifier", [])):
        if not fhir.is_filler(identifier) and identifier not in kept:
            raise Invalid(f"Task.identifier[{number}]", "the sender's identifiers must stay")
    _check_added(before, kept)
    notes = before.get("note", [])
    if after.get("note", [])[: len(notes)] != notes:
        raise Invalid("Task.note", "notes may be added, not changed")


def _check_added(before: Mapping[str, Any], kept: list[Mapping[str, Any]]) -> None:
    for number, identifier in enumerate(kept):
        if identifier not in before.get("identifier", []) and not fhir.is_filler(identifier):
            raise Invalid(f"Task.identifier[{number}]", "add identifiers of type FILL only")
