"""Sending a referral and what its sender may do then."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connection

from kernel import outbox
from kernel.errors import Conflict, Forbidden, Invalid, Missing, Refused
from kernel.principal import SYSTEM, Principal
from kernel.transitions import apply
from records import store, writing
from referrals import fhir, services
from referrals.models import Delivery, Referral
from tests.referrals import make


def send(by: Principal = make.DR_LIN, **words: str) -> Referral:
    return services.send_referral(**{**make.WORDS, **words}, by=by)


def at_once(*acts: Callable[[], object]) -> list[str]:
    """Do all ``acts`` at the same moment, each in a thread: done or refused."""
    together, outcomes = threading.Barrier(len(acts)), []

    def one(act: Callable[[], object]) -> None:
        together.wait()
        try:
            act()
            outcomes.append("done")
        except (Refused, Conflict, Invalid):
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=one, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def task_of(referral: Referral) -> dict[str, Any]:
    return store.read("Task", referral.task_id, by=SYSTEM).body


def order_of(referral: Referral) -> dict[str, Any]:
    return store.read("ServiceRequest", referral.service_request_id, by=SYSTEM).body


@pytest.mark.embedded
def test_sending_writes_order_task_and_document(centre):
    referral = send()
    assert referral.state == "submitted"
    order, task = order_of(referral), task_of(referral)
    assert (order["status"], order["priority"]) == ("active", "asap")
    assert fhir.says(task, "submitted")
    assert task["focus"]["reference"] == f"ServiceRequest/{order['id']}"
    assert task["identifier"] == order["identifier"]
    document = store.read("Bundle", referral.document_id, by=make.DR_LIN).body
    kinds = [entry["resource"]["resourceType"] for entry in document["entry"]]
    assert kinds[:4] == ["Composition", "Patient", "Practitioner", "Organization"]
    assert sorted(kinds[4:]) == [
        "AllergyIntolerance",
        "Condition",
        "MedicationRequest",
        "Observation",
    ]


def test_the_document_speaks_chinese_and_keeps_the_senders_words(centre):
    document = store.read("Bundle", send().document_id, by=SYSTEM).body
    sections = {s["title"]: s["text"]["div"] for s in document["entry"][0]["resource"]["section"]}
    assert list(sections) == ["转诊原因", "病情摘要", "诊断", "用药", "过敏", "检查结果"]
    assert "血压控制不满意" in sections["转诊原因"]
    assert "近一周 &lt;180/100&gt; &amp; 头晕。" in sections["病情摘要"]


def test_the_hospital_may_read_what_it_is_sent_and_nothing_more(centre):
    referral = send()
    for kind, key in (
        ("Task", referral.task_id),
        ("ServiceRequest", referral.service_request_id),
        ("Bundle", referral.document_id),
        ("Patient", "zhao"),
    ):
        assert store.read(kind, key, by=make.HOSPITAL_SYSTEM).id == key
        with pytest.raises(Missing):
            store.read(kind, key, by=make.OTHER_SYSTEM)
    with pytest.raises(Missing):
        store.read("Condition", "bp", by=make.HOSPITAL_SYSTEM)


def test_a_hospital_that_declined_reads_the_record_no_longer(centre):
    referral = send()
    apply(referral, "decline", by=make.HOSPITAL_SYSTEM)
    outbox.deliver_due()
    for kind, key in (("Patient", "zhao"), ("Bundle", referral.document_id)):
        with pytest.raises(Missing):
            store.read(kind, key, by=make.HOSPITAL_SYSTEM)
    assert store.read("Task", referral.task_id, by=make.HOSPITAL_SYSTEM).version == 1


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ({"urgency": "tomorrow"}, "urgency"),
        ({"purpose": "spa"}, "purpose"),
        ({"reason": "  "}, "reason"),
        ({"to": "nowhere"}, "to"),
        ({"to": make.CENTRE}, "to"),
    ],
)
def test_a_wrong_word_is_named(centre, words, field):
    with pytest.raises(Invalid) as refusal:
        send(**words)
    assert field in [path for path, _ in refusal.value.issues]
    assert not Referral.objects.exists()


def test_strangers_nurses_and_patients_send_nobody(centre):
    with pytest.raises(Missing):
        send(by=make.DR_QIAN)
    with pytest.raises((Forbidden, Missing)):
        send(by=make.MRS_ZHAO)
    assert not Referral.objects.exists()


def test_a_second_live_referral_with_the_same_purpose_is_refused(centre):
    first = send()
    with pytest.raises(Refused):
        send(urgency="routine")
    assert send(purpose="examination").pk != first.pk
    services.withdraw(first, by=make.DR_LIN)
    assert send().state == "submitted"


@pytest.mark.django_db(transaction=True)
def test_of_two_doctors_at_once_one_sends():
    make.world()
    assert sorted(at_once(send, send)) == ["done", "refused"]


@pytest.mark.django_db(transaction=True)
def test_both_sides_at_the_same_moment_never_wait_for_each_other():
    make.world()

    def hospital_accepts(referral: Referral) -> None:
        body = {**task_of(referral), "status": "accepted"}
        version = int(body["meta"]["versionId"])
        write = writing.Write("PUT", "Task", referral.task_id, body, if_match=version)
        writing.commit([write], by=make.HOSPITAL_SYSTEM, door=True)

    def doctor_withdraws(referral: Referral) -> None:
        services.withdraw(referral, by=make.DR_LIN)

    for _ in range(8):
        referral = send()
        outcomes = at_once(partial(hospital_accepts, referral), partial(doctor_withdraws, referral))
        assert sorted(outcomes) == ["done", "refused"]
        state = Referral.objects.get(pk=referral.pk).state
        assert state in ("accepted", "cancelled")
        assert fhir.says(task_of(referral), state)
        Referral.objects.filter(pk=referral.pk).update(state="closed")


def test_each_step_of_the_sender_becomes_one_message(centre):
    referral = send()
    outbox.deliver_due()
    referral = apply(referral, "ask_info", by=make.HOSPITAL_SYSTEM)
    services.answer(referral, text="血压记录见附", by=make.DR_LIN)
    services.ask_cancel(referral, by=make.DR_LIN)
    outbox.deliver_due()
    told = [row.transition.name for row in Delivery.objects.select_related("transition")]
    assert told == ["submit", "answer", "ask_cancel"]


def test_an_answer_becomes_a_note_and_the_hospital_may_go_on(centre):
    referral = apply(send(), "ask_info", by=make.HOSPITAL_SYSTEM)
    services.show_state(referral)
    assert fhir.says(task_of(referral), "info_needed")
    answered = services.answer(referral, text=" 血压记录见附 ", by=make.DR_LIN)
    task = task_of(answered)
    assert fhir.says(task, "received")
    assert task["note"][0]["text"] == "血压记录见附"
    with pytest.raises(Invalid):
        services.answer(answered, text=" ", by=make.DR_LIN)


def test_a_withdrawn_order_is_revoked(centre):
    referral = services.withdraw(send(), by=make.DR_LIN)
    assert referral.state == "cancelled"
    assert order_of(referral)["status"] == "revoked"
    assert fhir.says(task_of(referral), "cancelled")


def test_only_the_sending_institution_may_act(centre):
    referral = send()
    for verb in (services.withdraw, services.ask_cancel, services.close, services.resend):
        for by in (make.DR_QIAN, make.MRS_ZHAO, make.HOSPITAL_SYSTEM):
            with pytest.raises((Missing, Forbidden)):
                verb(referral, by=by)
    assert Referral.objects.get().state == "submitted"
