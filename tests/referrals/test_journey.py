"""The whole way over real HTTP: to the hospital, and back through our FHIR API."""

import httpx
import pytest

from accounts.models import Partner
from kernel import outbox
from records import store
from referrals import queries, services
from referrals.exchange import delivery
from referrals.models import Referral
from tests.fakes.partner.running import RunningHospital
from tests.referrals import make

SCOPES = "system/Task.rus system/ServiceRequest.r system/Bundle.r system/Patient.r"


@pytest.fixture
def abroad(transactional_db, live_server, settings, key):
    """Our service behind a real port, and a hospital that knows it by its address only."""
    settings.PUBLIC_URL = live_server.url
    with RunningHospital(live_server.url) as hospital:
        make.world(hospital.fhir_base)
        Partner.objects.update(jwks=hospital.jwks, scopes=SCOPES)
        yield hospital


def send() -> Referral:
    referral = services.send_referral(**make.WORDS, by=make.DR_LIN)
    outbox.deliver_due()
    assert delivery.deliver_due() == 1
    return referral


def fresh(referral: Referral) -> Referral:
    return Referral.objects.get(pk=referral.pk)


def test_sent_received_accepted_scheduled_treated_and_closed(abroad):
    referral = send()
    walked = []
    for move in ("receive", "accept", "schedule", "arrive", "admit", "report_outcome"):
        assert abroad.press(move).status_code == 303
        assert set(abroad.hospital.problems.values()) == {""}
        walked.append(fresh(referral).state)
    assert walked == [
        "received",
        "accepted",
        "scheduled",
        "arrived",
        "in_care",
        "outcome_reported",
    ]
    assert fresh(referral).filler_id.startswith("DH-")
    services.close(fresh(referral), by=make.DR_LIN)
    outbox.deliver_due()
    assert delivery.deliver_due() == 1
    (copy,) = abroad.hospital.chart.of_kind("Task")
    assert "closed" in [c["code"] for c in copy["businessStatus"]["coding"]]
    timeline = queries.detail(referral.public_id, make.DR_LIN).timeline
    assert [step.who for step in timeline[1:7]] == ["市北医院"] * 6


@pytest.mark.parametrize(("auto", "state"), [("accept", "accepted"), ("decline", "declined")])
def test_a_desk_that_answers_by_itself(abroad, auto, state):
    abroad.hospital.auto = auto
    referral = send()
    abroad.settle()
    assert set(abroad.hospital.problems.values()) == {""}
    assert fresh(referral).state == state
    assert fresh(referral).decline_reason == ("no-capacity" if auto == "decline" else "")


def test_a_question_and_its_answer_go_both_ways(abroad):
    referral = send()
    abroad.press("receive")
    abroad.press("ask_info")
    assert fresh(referral).state == "info_needed"
    services.answer(fresh(referral), text="血压记录见附", by=make.DR_LIN)
    outbox.deliver_due()
    assert delivery.deliver_due() == 1
    (copy,) = abroad.hospital.chart.of_kind("Task")
    assert [note["text"] for note in copy["note"]] == ["请补充近一周的血压记录。", "血压记录见附"]
    abroad.press("accept")
    assert fresh(referral).state == "accepted"


def test_a_wish_to_cancel_is_confirmed(abroad):
    referral = send()
    abroad.press("receive")
    services.ask_cancel(fresh(referral), by=make.DR_LIN)
    outbox.deliver_due()
    delivery.deliver_due()
    assert abroad.press("confirm_cancel").status_code == 303
    assert fresh(referral).state == "cancelled"


def test_an_illegal_move_is_told_to_the_hospital_and_changes_nothing(abroad):
    referral = send()
    abroad.press("receive")
    key = abroad.hospital.chart.of_kind("Task")[0]["id"]
    abroad.hospital.desk[key] = "admit"
    abroad.press("report_outcome")
    assert abroad.hospital.problems[key].startswith("422 ")
    assert "from received to outcome_reported" in abroad.hospital.problems[key]
    assert fresh(referral).state == "received"


def test_an_update_without_or_with_an_old_version_is_refused(abroad):
    referral = send()
    abroad.press("receive")
    home = abroad.hospital.home
    headers = {"Authorization": f"Bearer {home._token}", "Content-Type": "application/fhir+json"}
    url = f"{home.base}/fhir/Task/{referral.task_id}"
    task = httpx.get(url, headers=headers, trust_env=False).json()
    for condition in ({}, {"If-Match": 'W/"1"'}):
        answer = httpx.put(url, json=task, headers={**headers, **condition}, trust_env=False)
        assert answer.status_code in (412, 428), answer.text
    assert fresh(referral).state == "received"


def test_the_hospital_reads_what_it_was_sent_and_no_more(abroad):
    referral = send()
    abroad.press("receive")
    home = abroad.hospital.home
    headers = {"Authorization": f"Bearer {home._token}"}

    def status(path: str) -> int:
        return httpx.get(f"{home.base}/fhir/{path}", headers=headers, trust_env=False).status_code

    assert status(f"Bundle/{referral.document_id}") == 200
    assert status("Patient/zhao") == 200
    assert status("Condition/bp") in (403, 404)
    store.create("Patient", {"name": [{"text": "别人"}]}, by=make.DR_LIN, id="other")
    assert status("Patient/other") == 404
    assert httpx.get(f"{home.base}/fhir/Task", trust_env=False).status_code == 401
