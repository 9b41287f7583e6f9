"""One visit as the doctor works with it: call, record, note, what is lacking, what happened."""

from collections.abc import Mapping, Sequence

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import queries as directory
from consult import diagnoses, fhir
from consult.models import Diagnosis as Drafted
from consult.models import Note, Visit
from consult.pages import (
    Action,
    Badge,
    CallPanel,
    Check,
    Diagnosis,
    Event,
    FieldError,
    Hit,
    Money,
    NoteView,
    Option,
    PaymentLine,
    ReferForm,
    Saved,
    VisitPage,
)
from consult.queries import referrals as referred
from consult.queries.actions import state_badge, visit_actions
from consult.queries.people import UNKNOWN, Person, people
from consult.queries.record import record_panel
from consult.services.signing import missing
from consult.services.writing import WRITABLE
from consult.workflow import VISIT
from kernel.principal import Principal
from payments import queries as payments
from records import search, store
from referrals import queries as referrals
from referrals.workflow import PURPOSES, URGENCIES

STAYS = ("call_in", "take_back", "end_call")
"""Acts after which the doctor stays on the page, with the call running."""


def visit_page(principal: Principal, visit: Visit) -> VisitPage:
    """``console/visit.html``."""
    person = people([visit.patient], by=principal).get(visit.patient, UNKNOWN)
    record = record_panel(visit, by=principal)
    note = note_view(principal, visit)
    own = visit.doctor == principal.reference
    return VisitPage(
        id=visit.public_id,
        state=state_badge(visit),
        banner=person.banner(
            allergies=list(record.allergies) if record.allergies is not None else None,
            identity=_identity(visit),
        ),
        call=call_panel(principal, visit, person),
        record=record,
        note=note,
        checks=checks(visit) if own and not note.locked else (),
        actions=page_actions(principal, visit),
        refer=refer_form(visit) if own and visit.state in WRITABLE else None,
        referrals=referred.lines(visit.public_id, principal),
        payment=payment_line(visit),
        history=history(visit),
        next_up=_next_up(principal, visit),
    )


def call_panel(principal: Principal, visit: Visit, person: Person) -> CallPanel:
    """``console/_call.html``. The way into the room comes from the ticket endpoint."""
    live = visit.state in ("called", "in_progress")
    over = VISIT.is_final(visit.state) or visit.state == "wrap_up"
    return CallPanel(
        phase="live" if live else "over" if over else "before",
        patient=person.name,
        socket=f"/ws/room/{visit.room_id}/" if live and visit.room_id else "",
        ticket=reverse("console:ticket", args=(visit.public_id,)) if live else "",
        since=visit.began_at or visit.called_at,
        patient_here=visit.patient_here,
        patient_note=_("Cannot use video") if visit.video_works is False else "",
        says=_says(visit),
        actions=visit_actions(visit, principal, *STAYS),
    )


def note_view(principal: Principal, visit: Visit) -> NoteView:
    """``console/_note.html``: the draft, or the signed record."""
    if visit.state == "completed":
        return _signed(principal, visit)
    note = Note.objects.filter(visit=visit).first() or Note(visit=visit)
    found = list(visit.diagnoses.all())
    at = (visit.public_id,)
    return NoteView(
        subjective=note.subjective,
        objective=note.objective,
        assessment=note.assessment,
        plan=note.plan,
        advice=note.safety_net,
        saved=saved(note),
        save_url=reverse("console:note", args=at),
        locked=visit.doctor != principal.reference or visit.state not in WRITABLE,
        diagnoses=[_drafted(item, visit) for item in found],
        diagnose_url=reverse("console:diagnose", args=at),
        search_url=reverse("console:diagnoses"),
    )


def saved(note: Note) -> Saved:
    """``console/_saved.html``."""
    return Saved(note.saved_at if note.version else None, note.version)


def checks(visit: Visit) -> list[Check]:
    """What must be there before the doctor can sign."""
    note = Note.objects.filter(visit=visit).first() or Note(visit=visit)
    lacking = missing(note, list(visit.diagnoses.all()))
    return [
        Check(word, "warn" if part in lacking else "ok", _("missing") if part in lacking else "")
        for part, word in check_words().items()
    ]


def check_words() -> dict[str, str]:
    """What must be there before signing, in words."""
    return {
        "diagnosis": _("Diagnosis"),
        "assessment": _("Assessment"),
        "plan": _("Plan"),
        "safety_net": _("Come at once if"),
    }


def hits(words: str) -> list[Hit]:
    """``console/_hits.html``: the diagnosis search."""
    return [_hit(known, words.strip()) for known in diagnoses.search(words)]


def page_actions(principal: Principal, visit: Visit) -> tuple[Action, ...]:
    """What stands at the foot of the page: everything but the call's own buttons."""
    found = visit_actions(
        visit, principal, "complete", "patient_absent", "decline_online", "cancel_by_clinic"
    )
    if visit.state == "in_progress" and visit.doctor == principal.reference:
        url = reverse("console:act", args=(visit.public_id, "complete"))
        finish = Action("complete", _("Finish and sign"), url, primary=True, icon="pen")
        return (finish, *found)
    return found


def refer_form(
    visit: Visit, *, values: dict[str, str] | None = None, errors: Sequence[FieldError] = ()
) -> ReferForm:
    """``console/_refer.html``: the dialog that sends the patient on."""
    given = values or {}
    note = Note.objects.filter(visit=visit).first() or Note(visit=visit)
    return ReferForm(
        url=reverse("console:refer", args=(visit.public_id,)),
        destinations=[
            Option(place.id, place.name, checked=given.get("to") == place.id)
            for place in referrals.destinations()
        ],
        urgencies=_options(URGENCIES, given.get("urgency", "routine")),
        purposes=_options(PURPOSES, given.get("purpose", "outpatient")),
        reason=given.get("reason", visit.reason),
        summary=given.get("summary", "\n".join(text for text in note.texts.values() if text)),
        errors=errors,
    )


def payment_line(visit: Visit) -> PaymentLine | None:
    """``console/_payment.html``."""
    order = payments.order_for(visit.purpose)
    if order is None:
        return None
    money = Money(order.fee, order.fund, order.account, order.cash)
    return PaymentLine(state=state_badge(order), money=money)


def history(visit: Visit) -> list[Event]:
    """What happened, newest first."""
    rows = list(visit.transitions.all())
    names = directory.names([row.by_reference for row in rows])
    events = [
        Event(
            at=row.at,
            who=names.get(row.by_reference, ""),
            what=_(VISIT.transitions[row.name].label),
            tone=VISIT.states[row.to_state].tone,
        )
        for row in reversed(rows)
    ]
    return [*events, Event(visit.created_at, "", _("Booked"))]


def _signed(principal: Principal, visit: Visit) -> NoteView:
    composition = store.read("Composition", visit.composition_id, by=principal)
    texts = fhir.note_texts(composition.body)
    return NoteView(
        subjective=texts.get("subjective", ""),
        objective=texts.get("objective", ""),
        assessment=texts.get("assessment", ""),
        plan=texts.get("plan", ""),
        advice=texts.get("safety_net", ""),
        saved=Saved(visit.signed_at),
        locked=True,
        signed=state_badge(visit),
        diagnoses=signed_diagnoses(visit, by=principal),
    )


def signed_diagnoses(visit: Visit, *, by: Principal) -> list[Diagnosis]:
    """The Conditions of a signed visit."""
    page = search.search("Condition", [("encounter", visit.encounter_id)], by=by)
    codes = [stored.body["code"]["coding"][0] for stored in page.matches]
    return [Diagnosis(code["code"], code["display"]) for code in codes]


def _identity(visit: Visit) -> Badge:
    if visit.identified_at is None:
        return Badge(_("Identity not verified"), "warn")
    return Badge(_("Identity verified"), "ok")


def _says(visit: Visit) -> str:
    words = {
        "booked": _("The patient is not here yet."),
        "waiting": _("The patient waits. Call them in when you are ready."),
        "called": _("Ringing at the patient's page."),
        "wrap_up": _("The call is over. Sign the record."),
        "completed": _("Signed."),
    }
    return words.get(visit.state, "")


def _drafted(item: Drafted, visit: Visit) -> Diagnosis:
    url = reverse("console:undiagnose", args=(visit.public_id, item.code))
    return Diagnosis(item.code, item.name, url)


def _hit(known: diagnoses.Known, words: str) -> Hit:
    before, match, after = known.name.partition(words) if words in known.name else ("", "", "")
    return Hit(known.code, before or ("" if match else known.name), match, after)


def _options(words: Mapping[str, str], chosen: str) -> list[Option]:
    return [Option(value, _(label), checked=value == chosen) for value, label in words.items()]


def _next_up(principal: Principal, visit: Visit) -> str:
    mine = Visit.objects.of_doctor(principal.reference, principal.institution)
    after = mine.filter(state="waiting").exclude(pk=visit.pk).order_by("waiting_since").first()
    if after is None:
        return ""
    return people([after.patient], by=principal).get(after.patient, UNKNOWN).name
