"""The draft of the record: saved while it is typed, told apart by versions."""

from collections.abc import Mapping

from django.db import transaction
from django.utils.translation import gettext as _

from consult import diagnoses, live
from consult.models import Diagnosis, Note, Visit
from consult.services.calling import own
from kernel.clock import now
from kernel.errors import Conflict, Invalid, Refused
from kernel.principal import Principal
from kernel.transitions import lock

WRITABLE = ("waiting", "called", "in_progress", "wrap_up")


def save_note(visit: Visit, *, texts: Mapping[str, str], version: int, by: Principal) -> Note:
    """Save the parts of the draft that are in ``texts``; returns the note with its new version.

    Raises Conflict when another page has saved since ``version``, Refused after signing, Invalid
    for a part that does not exist or is too long.
    """
    own(visit, by)
    for part, text in texts.items():
        _check(part, text)
    with transaction.atomic():
        _writable(lock(visit))
        note, _created = Note.objects.select_for_update().get_or_create(visit=visit)
        if note.version != version:
            raise Conflict(_("This note was changed on another page."))
        for part, text in texts.items():
            setattr(note, part, text)
        note.version += 1
        note.saved_at = now()
        note.save()
        live.written(visit)
    return note


def add_diagnosis(visit: Visit, *, code: str, by: Principal) -> Diagnosis:
    """Put a known diagnosis on the draft; twice is once. Raises Invalid for an unknown code."""
    own(visit, by)
    known = diagnoses.by_code(code)
    if known is None:
        raise Invalid("code", _("This diagnosis is not in the list."))
    with transaction.atomic():
        _writable(lock(visit))
        found, _created = Diagnosis.objects.get_or_create(
            visit=visit, code=known.code, defaults={"name": known.name}
        )
        live.written(visit)
    return found


def remove_diagnosis(visit: Visit, *, code: str, by: Principal) -> None:
    """Take a diagnosis off the draft; one that is not there is no error."""
    own(visit, by)
    with transaction.atomic():
        _writable(lock(visit))
        Diagnosis.objects.filter(visit=visit, code=code).delete()
        live.written(visit)


def _writable(visit: Visit) -> None:
    if visit.state not in WRITABLE:
        raise Refused(_("This visit is closed; its record cannot be changed any more."))


def _check(part: str, text: str) -> None:
    if part not in Note.PARTS:
        raise Invalid(part, "is no part of the note")
    if len(text) > Note.LONGEST[part]:
        raise Invalid(part, _("At most %(count)d characters.") % {"count": Note.LONGEST[part]})
