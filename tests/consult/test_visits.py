"""A visit from booking to signature, over a real database and the real FHIR store."""

import threading
from datetime import timedelta

import pytest
import time_machine
from django.db import connection

from consult import queries, services
from consult.models import Diagnosis, Note, Visit, VisitLink
from kernel.clock import now
from kernel.errors import Conflict, Forbidden, Invalid, Missing, Refused
from tests.consult.cast import NOTE, PRESSURE, Cast, again, order_of, resource

pytestmark = pytest.mark.django_db


def test_booking_writes_the_appointment_and_tells_the_link_once(cast):
    visit = cast.visit()
    appointment = resource("Appointment", visit.appointment_id)
    assert appointment["status"] == "booked"
    assert [p["actor"]["reference"] for p in appointment["participant"]] == [
        cast.zhao.reference,
        cast.lin.reference,
    ]
    token = visit.link.strip("/").rpartition("/")[2]
    assert queries.link_of(token).visit == visit
    assert token not in str(VisitLink.objects.values_list("token_hash").get())
    assert again(visit).link == ""


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("patient", "Practitioner/1"),
        ("doctor", "Patient/1"),
        ("reason", " "),
        ("reason", "x" * 301),
    ],
)
def test_booking_refuses_what_cannot_be(cast, field, value):
    with pytest.raises(Invalid) as refused:
        cast.visit(**{field: value})
    assert refused.value.issues[0][0] == field
    assert not Visit.objects.exists()


def test_the_patient_arrives_and_the_encounter_begins(cast):
    visit = cast.waiting()
    assert visit.state == "waiting"
    encounter = resource("Encounter", visit.encounter_id)
    assert (encounter["status"], encounter["class"]["code"]) == ("arrived", "VR")
    assert [step["status"] for step in encounter["statusHistory"]] == ["planned"]
    assert resource("Appointment", visit.appointment_id)["status"] == "checked-in"
    consent = resource("Consent", visit.consent_id)
    assert consent["patient"]["reference"] == cast.zhao.reference
    assert consent["sourceAttachment"]["title"].startswith("video-visit")


def test_checking_in_twice_is_a_success_and_happens_once(cast):
    visit = cast.waiting()
    assert services.check_in(visit, by=cast.patient).state == "waiting"
    assert visit.transitions.count() == 1


def test_nobody_waits_without_identity_consent_and_payment(cast):
    visit = cast.visit(pay_later=False)
    for step in (services.identify, services.give_consent):
        with pytest.raises(Refused):
            services.check_in(visit, by=cast.patient)
        step(visit, by=cast.patient)
    with pytest.raises(Refused):
        services.check_in(visit, by=cast.patient)
    assert again(visit).state == "booked"


def test_a_visit_of_tomorrow_is_not_checked_in_today_but_a_rehearsal_is(cast):
    tomorrow = now() + timedelta(days=1)
    with pytest.raises(Refused):
        cast.waiting(start=tomorrow)
    assert cast.waiting(cast.qian, start=tomorrow, rehearsal=True).state == "waiting"


def test_a_patient_who_is_late_still_agrees_and_waits(cast):
    visit = cast.waiting(start=now() - timedelta(minutes=40))
    assert visit.state == "waiting"
    assert "end" not in resource("Consent", visit.consent_id)["provision"]["period"]


def test_only_the_patient_or_a_nurse_of_the_house_checks_in(cast):
    visit = cast.visit()
    for stranger in (cast.principal(cast.wu), cast.doctor):
        with pytest.raises(Forbidden):
            services.check_in(visit, by=stranger)


def test_both_there_makes_the_visit_begin(cast):
    visit = services.call_in(cast.waiting(), by=cast.doctor)
    services.presence(visit.purpose, visit.patient, True)
    assert again(visit).state == "called"
    services.presence(visit.purpose, "Practitioner/somebody", True)
    assert again(visit).state == "called"
    services.presence(visit.purpose, visit.doctor, True)
    visit = again(visit)
    assert visit.state == "in_progress"
    encounter = resource("Encounter", visit.encounter_id)
    assert encounter["status"] == "in-progress"
    assert [step["status"] for step in encounter["statusHistory"]] == ["planned", "arrived"]


def test_a_doctor_calls_one_patient_at_a_time(cast):
    cast.in_call()
    other = cast.waiting(cast.qian)
    with pytest.raises(Refused):
        services.call_in(other, by=cast.doctor)
    assert again(other).state == "waiting"


@pytest.mark.django_db(transaction=True)
def test_two_tabs_that_call_at_once_bring_in_one_patient(cast):
    visits = [cast.waiting(cast.zhao), cast.waiting(cast.qian)]
    together, answers = threading.Barrier(2), []

    def call(visit):
        together.wait()
        try:
            answers.append(services.call_in(visit, by=cast.doctor).state)
        except Refused:
            answers.append("refused")
        finally:
            connection.close()

    tabs = [threading.Thread(target=call, args=(visit,)) for visit in visits]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join()
    assert sorted(answers) == ["called", "refused"]
    assert sorted(again(visit).state for visit in visits) == ["called", "waiting"]


def test_only_the_visits_own_doctor_calls_writes_and_signs(cast):
    visit = cast.waiting()
    for stranger in (cast.principal(cast.gu), cast.principal(cast.wu)):
        for act in (
            lambda by: services.call_in(visit, by=by),
            lambda by: services.save_note(visit, texts=NOTE, version=0, by=by),
            lambda by: services.add_diagnosis(visit, code=PRESSURE, by=by),
            lambda by: services.sign(visit, by=by),
            lambda by: services.decline_online(visit, reason="examination", by=by),
        ):
            with pytest.raises(Forbidden):
                act(stranger)
    assert again(visit).state == "waiting"


def test_tickets_are_for_the_two_of_the_visit_and_while_the_call_is_on(cast):
    visit = cast.waiting()
    with pytest.raises(Refused):
        services.admit(visit, by=cast.patient)
    visit = services.call_in(visit, by=cast.doctor)
    mine, theirs = (services.admit(visit, by=who) for who in (cast.doctor, cast.patient))
    assert mine.room == theirs.room == visit.room_id
    assert mine.ticket != theirs.ticket
    with pytest.raises(Forbidden):
        services.admit(visit, by=cast.principal(cast.gu))
    visit = services.take_back(visit, by=cast.doctor)
    with pytest.raises(Refused):
        services.admit(visit, by=cast.patient)


def test_signing_makes_the_draft_the_record(cast):
    visit = cast.written(cast.in_call())
    signed = services.sign(visit, version=1, by=cast.doctor)
    assert signed.state == "completed"
    composition = resource("Composition", signed.composition_id)
    assert composition["status"] == "final"
    assert [section["title"] for section in composition["section"]][:2] == [
        "Subjective",
        "Objective",
    ]
    encounter = resource("Encounter", signed.encounter_id)
    assert encounter["status"] == "finished"
    assert encounter["period"]["end"]
    condition = encounter["diagnosis"][0]["condition"]["reference"].partition("/")
    assert resource("Condition", condition[2])["code"]["coding"][0]["code"] == PRESSURE
    assert resource("Appointment", signed.appointment_id)["status"] == "fulfilled"
    assert not Note.objects.exists()
    assert not Diagnosis.objects.exists()
    assert order_of(signed).fee == signed.fee


def test_a_record_that_lacks_something_is_not_signed_and_the_call_stays_on(cast):
    visit = cast.in_call()
    services.save_note(visit, texts={"plan": "多喝水"}, version=0, by=cast.doctor)
    with pytest.raises(Invalid) as refused:
        services.sign(visit, by=cast.doctor)
    assert [path for path, _says in refused.value.issues] == [
        "diagnosis",
        "assessment",
        "safety_net",
    ]
    assert again(visit).state == "in_progress"


def test_of_two_pages_that_write_the_second_is_told(cast):
    visit = cast.in_call()
    assert services.save_note(visit, texts={"plan": "一"}, version=0, by=cast.doctor).version == 1
    with pytest.raises(Conflict):
        services.save_note(visit, texts={"plan": "二"}, version=0, by=cast.doctor)
    with pytest.raises(Conflict):
        services.sign(cast_with_diagnosis(cast, visit), version=0, by=cast.doctor)
    assert Note.objects.get().plan == "一"


def cast_with_diagnosis(cast: Cast, visit: Visit) -> Visit:
    services.add_diagnosis(visit, code=PRESSURE, by=cast.doctor)
    return visit


def test_after_signing_nothing_is_written(cast):
    visit = services.sign(cast.written(cast.in_call()), by=cast.doctor)
    with pytest.raises(Refused):
        services.save_note(visit, texts={"plan": "改"}, version=0, by=cast.doctor)
    with pytest.raises(Refused):
        services.add_diagnosis(visit, code=PRESSURE, by=cast.doctor)
    with pytest.raises(Refused):
        services.sign(visit, by=cast.doctor)


@pytest.mark.parametrize(
    ("texts", "path"), [({"shoes": "x"}, "shoes"), ({"plan": "x" * 4001}, "plan")]
)
def test_bad_parts_of_a_note_are_named(cast, texts, path):
    visit = cast.in_call()
    with pytest.raises(Invalid) as refused:
        services.save_note(visit, texts=texts, version=0, by=cast.doctor)
    assert refused.value.issues[0][0] == path


def test_a_diagnosis_is_of_the_list_and_there_once(cast):
    visit = cast.in_call()
    with pytest.raises(Invalid):
        services.add_diagnosis(visit, code="X99", by=cast.doctor)
    for _ in range(2):
        services.add_diagnosis(visit, code=PRESSURE, by=cast.doctor)
    assert visit.diagnoses.count() == 1
    for _ in range(2):
        services.remove_diagnosis(visit, code=PRESSURE, by=cast.doctor)
    assert visit.diagnoses.count() == 0


def test_strangers_do_not_learn_that_a_visit_exists(cast):
    visit = cast.visit()
    for stranger in (cast.principal(cast.wu),):
        with pytest.raises(Missing):
            queries.visit_for(stranger, visit.public_id)
    assert queries.visit_for(cast.principal(cast.gu), visit.public_id) == visit


def test_a_call_without_an_answer_ends_by_the_clock(cast):
    visit = services.call_in(cast.waiting(), by=cast.doctor)
    assert services.sweep() == 0
    with time_machine.travel(now() + timedelta(seconds=61)):
        assert services.sweep() == 1
    visit = again(visit)
    assert (visit.state, visit.calls, visit.room_id) == ("waiting", 1, "")


def test_a_doctor_who_never_calls_costs_the_patient_nothing(cast):
    visit = cast.waiting()
    with time_machine.travel(now() + timedelta(hours=3)):
        assert services.sweep() == 1
    assert again(visit).state == "no_show_clinician"
    assert resource("Appointment", visit.appointment_id)["status"] == "cancelled"
    assert resource("Encounter", visit.encounter_id)["status"] == "cancelled"


def test_a_patient_who_never_comes_is_a_no_show(cast):
    visit = cast.visit()
    with time_machine.travel(now() + timedelta(hours=7)):
        assert services.sweep() == 1
    assert again(visit).state == "no_show_patient"
    assert resource("Appointment", visit.appointment_id)["status"] == "noshow"


def test_cancelling_closes_the_order_that_nobody_paid(cast):
    visit = cast.visit(pay_later=False)
    assert order_of(visit).state == "created"
    cancelled = services.cancel(visit, reason="doctor-away", by=cast.doctor)
    assert cancelled.state == "cancelled_by_clinic"
    assert order_of(visit).state == "closed"
    assert cancelled.transitions.get().facts == {"reason": "doctor-away"}


def test_the_clinic_gives_a_coded_reason_and_strangers_cancel_nothing(cast):
    visit = cast.visit()
    with pytest.raises(Invalid):
        services.cancel(visit, reason="mood", by=cast.doctor)
    with pytest.raises(Forbidden):
        services.cancel(visit, reason="doctor-away", by=cast.principal(cast.wu))
    assert services.cancel(visit, by=cast.patient).state == "cancelled_by_patient"


def test_who_waits_behind_others_counts_them(cast):
    cast.in_call()
    second = cast.waiting(cast.qian)
    assert Visit.objects.ahead_of(second).count() == 1


def test_what_is_kept_of_a_transition_names_no_patient(cast):
    visit = services.sign(cast.written(cast.in_call()), by=cast.doctor)
    with connection.cursor() as cursor:
        cursor.execute("SELECT facts::text FROM consult_visittransition")
        facts = str(cursor.fetchall())
    assert "赵" not in facts
    assert visit.transitions.count() == 5
