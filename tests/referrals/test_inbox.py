"""What a partner may write into our Task, and what follows."""

from typing import Any

import pytest

from kernel import outbox
from kernel.errors import Conflict, Forbidden, HouseError, Invalid, Missing
from kernel.principal import SYSTEM, Principal
from records import access, store, writing
from referrals import fhir, services
from referrals.models import Delivery, Referral
from tests.referrals import make

FILL = {
    "type": {"coding": [{"system": fhir.V2_0203, "code": "FILL"}]},
    "system": "urn:hospital",
    "value": "H-7",
}
NO_BED = {"coding": [{"system": fhir.REASONS, "code": "no-capacity"}]}


@pytest.fixture
def referral(centre):
    return services.send_referral(**make.WORDS, by=make.DR_LIN)


def task_of(referral: Referral) -> dict[str, Any]:
    return store.read("Task", referral.task_id, by=SYSTEM).body


def put(referral: Referral, *, by: Principal = make.HOSPITAL_SYSTEM, **changes: Any) -> Referral:
    """A partner's update through the door of the FHIR API."""
    body = {**task_of(referral), **changes}
    version = int(body["meta"]["versionId"])
    write = writing.Write("PUT", "Task", referral.task_id, body, if_match=version)
    writing.commit([write], by=by, door=True)
    return Referral.objects.get(pk=referral.pk)


def bser(status: str, code: str) -> dict[str, Any]:
    return {
        "status": status,
        "businessStatus": {"coding": [{"system": fhir.BSER, "code": code}]},
    }


ACCEPTED = bser("accepted", "3.0")


@pytest.mark.embedded
def test_the_hospital_receives_and_accepts(referral):
    received = put(referral, **bser("received", "2.0"))
    assert received.state == "received"
    numbers = [*task_of(referral)["identifier"], FILL]
    accepted = put(referral, **ACCEPTED, identifier=numbers)
    assert (accepted.state, accepted.filler_id) == ("accepted", "H-7")
    rows = list(accepted.transitions.all())
    assert [row.name for row in rows] == ["submit", "receive", "accept"]
    assert rows[-1].by_reference == f"Organization/{make.HOSPITAL}"


def test_a_whole_stay_in_bser_words_ends_with_the_outcome_read(referral):
    for step in (
        bser("received", "2.0"),
        ACCEPTED,
        bser("in-progress", "5.1.1"),
        bser("in-progress", "5.1.2"),
        bser("in-progress", "5.1.1"),
        bser("in-progress", "5.1.4"),
        bser("completed", "7.0"),
    ):
        referral = put(referral, **step)
    assert referral.state == "outcome_reported"
    order = store.read("ServiceRequest", referral.service_request_id, by=SYSTEM).body
    assert order["status"] == "completed"
    assert services.close(referral, by=make.DR_LIN).state == "closed"


def test_gravity_knows_only_status(referral):
    for status, state in (
        ("accepted", "accepted"),
        ("in-progress", "in_care"),
        ("on-hold", "info_needed"),
        ("in-progress", "in_care"),
        ("completed", "outcome_reported"),
    ):
        referral = put(referral, status=status)
        assert referral.state == state
        assert fhir.says(task_of(referral), state)


def test_declining_keeps_the_reason_and_revokes_the_order(referral):
    declined = put(referral, **bser("rejected", "4.0"), statusReason=NO_BED)
    assert (declined.state, declined.decline_reason) == ("declined", "no-capacity")
    order = store.read("ServiceRequest", declined.service_request_id, by=SYSTEM).body
    assert order["status"] == "revoked"


def test_the_same_state_again_is_a_success_and_no_second_transition(referral):
    put(referral, **ACCEPTED)
    again = put(referral, **ACCEPTED, identifier=[*task_of(referral)["identifier"], FILL])
    assert (again.state, again.filler_id) == ("accepted", "H-7")
    assert again.transitions.count() == 2


def test_what_the_hospital_wrote_stays_as_it_was_written(referral):
    put(referral, **ACCEPTED)
    task = task_of(referral)
    assert task["businessStatus"] == ACCEPTED["businessStatus"]
    assert task["meta"]["versionId"] == "2"


def test_a_task_that_says_two_things_is_set_right(referral):
    put(referral, **bser("requested", "3.0"))
    task = task_of(referral)
    assert (task["status"], task["meta"]["versionId"]) == ("accepted", "3")


def test_no_message_answers_the_hospitals_own_words(referral):
    outbox.deliver_due()
    put(referral, **ACCEPTED)
    outbox.deliver_due()
    assert [row.transition.name for row in Delivery.objects.all()] == ["submit"]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        (bser("completed", "7.0"), "Task.businessStatus"),  # nobody accepted it
        (bser("cancelled", "6.0"), "Task.businessStatus"),  # nobody asked
        (bser("accepted", "8.8"), "Task.businessStatus"),
        (bser("rejected", "4.0"), "Task.statusReason"),
        ({**ACCEPTED, "priority": "routine"}, "Task.priority"),
        ({**ACCEPTED, "owner": {"reference": "Organization/org-other"}}, "Task.owner"),
        ({**ACCEPTED, "for": {"reference": "Patient/other"}}, "Task.for"),
        ({**ACCEPTED, "focus": {"reference": "ServiceRequest/x"}}, "Task.focus"),
        ({**ACCEPTED, "identifier": [FILL]}, "Task.identifier[0]"),
    ],
)
def test_a_refused_write_names_the_element_and_changes_nothing(referral, changes, path):
    before = task_of(referral)
    with pytest.raises(Invalid) as refusal:
        put(referral, **changes)
    assert path in [place for place, _ in refusal.value.issues]
    assert task_of(referral) == before
    assert Referral.objects.get().state == "submitted"


def test_an_illegal_move_names_both_states(referral):
    with pytest.raises(Invalid, match="from submitted to outcome_reported"):
        put(referral, **bser("completed", "7.0"))


def test_only_numbers_of_type_fill_may_be_added_and_notes_not_rewritten(referral):
    stray = {"system": "urn:hospital", "value": "1"}
    with pytest.raises(Invalid, match="FILL"):
        put(referral, **ACCEPTED, identifier=[*task_of(referral)["identifier"], stray])
    put(referral, **ACCEPTED, note=[{"text": "带身份证"}])
    with pytest.raises(Invalid, match="notes may be added"):
        put(referral, note=[{"text": "别的"}])


def test_another_hospital_and_patients_cannot_answer(referral):
    for by in (make.OTHER_SYSTEM, make.MRS_ZHAO, make.DR_QIAN):
        with pytest.raises((Missing, Forbidden, Conflict)):
            put(referral, by=by, **ACCEPTED)
    assert Referral.objects.get().state == "submitted"


def test_a_hospital_with_a_right_to_write_but_not_the_owner_is_refused(referral):
    access.grant(
        to=make.OTHER_SYSTEM.reference,
        resources=[f"Task/{referral.task_id}"],
        write=True,
        why="a mistake",
    )
    with pytest.raises(Forbidden):
        put(referral, by=make.OTHER_SYSTEM, **ACCEPTED)


def test_staff_do_not_go_round_the_console(referral):
    with pytest.raises(HouseError):
        put(referral, by=make.DR_LIN, status="cancelled")
    assert Referral.objects.get().state == "submitted"


def test_the_hospital_cannot_delete_the_task(referral):
    write = writing.Write("DELETE", "Task", referral.task_id, None, if_match=1)
    with pytest.raises(Forbidden):
        writing.commit([write], by=make.HOSPITAL_SYSTEM, door=True)


def test_a_task_of_something_else_is_not_our_business(centre):
    body = {"status": "requested", "intent": "order", "description": "waiting room"}
    write = writing.Write("POST", "Task", "other", body)
    writing.commit([write], by=make.HOSPITAL_SYSTEM, door=True)
    assert store.read("Task", "other", by=make.HOSPITAL_SYSTEM).body["status"] == "requested"


def test_a_wish_to_cancel_is_confirmed_or_overtaken_by_the_outcome(referral):
    put(referral, **ACCEPTED)
    services.ask_cancel(Referral.objects.get(), by=make.DR_LIN)
    assert fhir.says(task_of(referral), "cancel_requested")
    assert put(referral, **bser("cancelled", "6.0")).state == "cancelled"
    second = services.send_referral(**make.WORDS, by=make.DR_LIN)
    put(second, **ACCEPTED)
    services.ask_cancel(Referral.objects.get(pk=second.pk), by=make.DR_LIN)
    assert put(second, **bser("completed", "7.0")).state == "outcome_reported"
