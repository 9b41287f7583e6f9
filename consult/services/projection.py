"""Writes a visit's FHIR projection; called in the transaction of what changed it."""

from consult import fhir
from consult.models import Visit
from kernel.principal import SYSTEM
from records import store


def facts_of(visit: Visit) -> fhir.VisitFacts:
    """The visit as the mapping wants it, with its history from the transition rows."""
    rows = visit.transitions.values_list("to_state", "at") if visit.pk else ()
    return fhir.VisitFacts(
        state=visit.state,
        patient=visit.patient,
        doctor=visit.doctor,
        institution=visit.institution,
        start=visit.start,
        end=visit.end,
        reason=visit.reason,
        appointment_id=visit.appointment_id,
        began_at=visit.began_at,
        ended_at=visit.ended_at,
        history=(("booked", visit.created_at), *rows),
    )


def write(visit: Visit, *, diagnoses: tuple[str, ...] = ()) -> None:
    """Bring Appointment and, once the patient has come, Encounter to the visit's state."""
    facts = facts_of(visit)
    store.update("Appointment", visit.appointment_id, fhir.appointment(facts), by=SYSTEM)
    if visit.encounter_id:
        body = fhir.encounter(facts, diagnoses=diagnoses)
        store.update("Encounter", visit.encounter_id, body, by=SYSTEM)
