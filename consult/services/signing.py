"""The doctor signs: the draft becomes the record."""

from django.db import transaction
from django.utils.translation import gettext as _

from consult import fhir
from consult.models import Diagnosis, Note, Visit
from consult.services import paying, projection
from consult.services.calling import end_call, own
from kernel.clock import now
from kernel.errors import Conflict, Invalid
from kernel.principal import Principal
from kernel.transitions import apply, lock
from records import store

REQUIRED = ("assessment", "plan", "safety_net")


def sign(visit: Visit, *, version: int | None = None, by: Principal) -> Visit:
    """End the call if it is on, and sign the draft as the visit's record.

    Writes Conditions, the Composition and the finished Encounter in one transaction with the
    visit's last step. ``version`` is the version of the note that the doctor had before their
    eyes. Raises Invalid naming what is missing, Conflict when the note has changed since.
    """
    own(visit, by)
    with transaction.atomic():
        visit = lock(visit)
        if visit.state == "in_progress":
            visit = end_call(visit, by=by)
        visit.workflow.check("complete", visit.state, by.roles)
        note = Note.objects.select_for_update().filter(visit=visit).first() or Note(visit=visit)
        found = list(visit.diagnoses.all())
        if version is not None and note.version != version:
            raise Conflict(_("This note was changed on another page."))
        _complete(note, found)
        visit = apply(visit, "complete", by=by, changes={"signed_at": now()})
        visit.composition_id = _write(visit, note, found, by=by)
        visit.save(update_fields=["composition_id"])
        if visit.pay_later:
            paying.open_order(visit, by=by)
        note.delete()
        visit.diagnoses.all().delete()
    return visit


def missing(note: Note, found: list[Diagnosis]) -> list[str]:
    """What the draft lacks before it can be signed, as names of its parts."""
    lacking = [part for part in REQUIRED if not getattr(note, part).strip()]
    return lacking if found else ["diagnosis", *lacking]


def _complete(note: Note, found: list[Diagnosis]) -> None:
    lacking = missing(note, found)
    if lacking:
        first, *rest = [(part, _("is still missing")) for part in lacking]
        raise Invalid(*first, *rest)


def _write(visit: Visit, note: Note, found: list[Diagnosis], *, by: Principal) -> str:
    facts = projection.facts_of(visit)
    at = visit.signed_at or now()
    conditions = tuple(
        store.create(
            "Condition",
            fhir.condition(
                facts, encounter_id=visit.encounter_id, code=item.code, name=item.name, at=at
            ),
            by=by,
            institution=visit.institution,
        ).reference
        for item in found
    )
    body = fhir.note(
        facts, encounter_id=visit.encounter_id, texts=note.texts, title=_("Video visit"), at=at
    )
    composition = store.create("Composition", body, by=by, institution=visit.institution)
    projection.write(visit, diagnoses=conditions)
    return composition.id
