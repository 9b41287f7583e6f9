"""What screens read: only one's own, with a fixed number of queries."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kernel.errors import Missing
from kernel.principal import SYSTEM, Principal
from kernel.transitions import apply
from records import store
from referrals import queries, services
from referrals.models import Delivery, Referral
from tests.referrals import make


@pytest.fixture
def referral(centre):
    return services.send_referral(**make.WORDS, by=make.DR_LIN)


def test_the_detail_tells_the_whole_story(referral):
    referral = apply(referral, "receive", by=make.HOSPITAL_SYSTEM)
    apply(referral, "decline", by=make.HOSPITAL_SYSTEM, facts={"reason": "no-capacity"})
    detail = queries.detail(referral.public_id, make.DR_LIN)
    assert (detail.row.patient_name, detail.row.to_name) == ("赵秀英", "市北医院")
    assert detail.reason == "血压控制不满意"
    assert detail.summary == make.WORDS["summary"]
    assert [(s.state.name, s.who, s.reason) for s in detail.timeline] == [
        ("declined", "市北医院", "No capacity"),
        ("received", "市北医院", ""),
        ("submitted", "", ""),
    ]
    assert [len(lines) for _, lines in detail.packet] == [1, 1, 1, 1]
    assert dict(detail.packet)["诊断"] == ["原发性高血压"]
    assert detail.sending.state.name == "waiting"


def test_notes_of_both_sides_are_shown(referral):
    asked = apply(referral, "ask_info", by=make.HOSPITAL_SYSTEM)
    services.answer(asked, text="见附", by=make.DR_LIN)
    (note,) = queries.detail(referral.public_id, make.DR_LIN).notes
    assert note.text == "见附"


def test_the_hospitals_reason_and_outcome_are_shown(referral):
    task = store.read("Task", referral.task_id, by=SYSTEM).body
    output = [{"type": {"text": "转归"}, "valueString": "好转出院"}]
    store.update("Task", referral.task_id, {**task, "output": output}, by=SYSTEM)
    Referral.objects.update(decline_reason="no-capacity")
    detail = queries.detail(referral.public_id, make.DR_LIN)
    assert detail.status_reason == "没有床位或号源"
    assert [(note.who, note.text) for note in detail.notes] == [("市北医院", "转归 好转出院")]


@pytest.mark.parametrize("by", [make.DR_QIAN, make.OTHER_SYSTEM, make.CASHIER])
def test_strangers_find_nothing(referral, by):
    for find in (queries.referral_for, queries.detail):
        with pytest.raises(Missing):
            find(referral.public_id, by)
    assert queries.referrals_of_visit("visit-1", by) == []
    assert queries.inbox(by) == []


def test_both_sides_and_the_patient_find_it(referral):
    for by in (make.DR_LIN, make.HOSPITAL_SYSTEM, make.MRS_ZHAO):
        assert queries.referral_for(referral.public_id, by) == referral
        assert [row.referral for row in queries.referrals_of_visit("visit-1", by)] == [referral]


def test_buttons_are_the_senders_only(referral):
    def buttons(by: Principal) -> list[str]:
        (row,) = queries.referrals_of_visit("visit-1", by)
        return [transition.name for transition in row.actions]

    assert buttons(make.DR_LIN) == ["withdraw"]
    assert buttons(make.MRS_ZHAO) == []
    apply(referral, "accept", by=make.HOSPITAL_SYSTEM)
    assert buttons(make.DR_LIN) == ["ask_cancel"]


def test_a_message_that_is_stuck_is_owed(referral):
    assert queries.owed(make.DR_LIN) == 0
    row = referral.transitions.get()
    Delivery.objects.create(referral=referral, transition=row, permanent=True, error="refused")
    assert queries.owed(make.DR_LIN) == 1
    (line,) = queries.inbox(make.DR_LIN)
    assert (line.delivery.name, line.delivery.tone, line.owed) == ("stuck", "crit", True)


def test_destinations_are_the_partners(centre):
    assert queries.destinations() == [queries.Destination(make.HOSPITAL, "市北医院")]


def test_a_longer_list_costs_no_more_queries(centre):
    def cost() -> int:
        with CaptureQueriesContext(connection) as seen:
            queries.inbox(make.DR_LIN)
        return len(seen)

    for number in range(10):
        make.referral(state="submitted", patient=f"Patient/{number}")
    ten = cost()
    for number in range(10, 20):
        make.referral(state="submitted", patient=f"Patient/{number}")
    assert len(queries.inbox(make.DR_LIN)) == 20
    assert cost() == ten
