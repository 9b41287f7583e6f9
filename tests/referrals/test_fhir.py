"""Referral <-> Task and ServiceRequest: ours, BSeR's and Gravity's words."""

import json
from pathlib import Path
from typing import Any

import pytest

from kernel.errors import Invalid
from referrals import fhir
from referrals.workflow import DECLINE_REASONS, PURPOSES, REFERRAL, URGENCIES
from tests.referrals import make

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "fhir" / "referral"


def business(*codings: tuple[str, str]) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code} for system, code in codings]}


@pytest.mark.parametrize("state", REFERRAL.states)
def test_every_state_comes_back_from_its_task(state):
    task = fhir.task(make.unsaved(state=state))
    assert fhir.state_of(task) == state
    assert fhir.says(task, state)
    assert not any(fhir.says(task, other) for other in REFERRAL.states if other != state)


@pytest.mark.parametrize("urgency", URGENCIES)
@pytest.mark.parametrize("purpose", PURPOSES)
def test_urgency_and_purpose_come_back_from_the_order(urgency, purpose):
    order = fhir.service_request(make.unsaved(urgency=urgency, purpose=purpose), reason="头晕")
    assert (fhir.urgency(order), fhir.purpose(order)) == (urgency, purpose)


@pytest.mark.parametrize(
    ("status", "code", "state"),
    [
        ("requested", "2.0", "submitted"),
        ("received", "2.0", "received"),
        ("accepted", "3.0", "accepted"),
        ("in-progress", "3.0", "accepted"),
        ("rejected", "4.0", "declined"),
        ("in-progress", "5.1.1", "scheduled"),
        ("ready", "5.1.1", "scheduled"),
        ("in-progress", "5.1.2", "no_show"),
        ("in-progress", "5.1.3", "accepted"),
        ("in-progress", "5.1.4", "in_care"),
        ("in-progress", "5.2", "cancel_requested"),
        ("cancelled", "6.0", "cancelled"),
        ("completed", "7.0", "outcome_reported"),
        ("requested", "7.0", "outcome_reported"),  # as BSeR's own example has it
    ],
)
def test_bser_tells_the_state_by_business_status(status, code, state):
    task = {"status": status, "businessStatus": business((fhir.BSER, code))}
    assert fhir.state_of(task) == state


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("requested", "submitted"),
        ("received", "received"),
        ("accepted", "accepted"),
        ("in-progress", "in_care"),
        ("on-hold", "info_needed"),
        ("completed", "outcome_reported"),
        ("failed", "declined"),
        ("rejected", "declined"),
        ("cancelled", "cancelled"),
    ],
)
def test_gravity_tells_the_state_by_status_alone(status, state):
    assert fhir.state_of({"status": status}) == state


@pytest.mark.parametrize(
    ("task", "path", "code"),
    [
        ({"status": "entered-in-error"}, "Task.status", "entered-in-error"),
        (
            {"status": "accepted", "businessStatus": business((fhir.STATES, "asleep"))},
            "Task.businessStatus",
            "asleep",
        ),
        (
            {"status": "accepted", "businessStatus": business((fhir.BSER, "9.9"))},
            "Task.businessStatus",
            "9.9",
        ),
        (
            {"status": "accepted", "businessStatus": business(("urn:x", "1"))},
            "Task.businessStatus",
            fhir.BSER,
        ),
    ],
)
def test_an_unknown_code_is_refused_by_name(task, path, code):
    with pytest.raises(Invalid) as refusal:
        fhir.state_of(task)
    assert refusal.value.issues[0][0] == path
    assert code in refusal.value.says


def test_codings_that_contradict_each_other_are_refused():
    told = business((fhir.STATES, "accepted"), (fhir.BSER, "4.0"))
    with pytest.raises(Invalid, match="contradict"):
        fhir.state_of({"status": "accepted", "businessStatus": told})


def test_our_finer_word_wins_over_the_coarser_bser_code():
    told = business((fhir.BSER, "7.0"), (fhir.STATES, "closed"))
    assert fhir.state_of({"status": "completed", "businessStatus": told}) == "closed"


def test_a_peer_that_knows_only_status_may_send_our_business_status_back():
    before = fhir.task(make.unsaved(state="submitted"))
    assert fhir.asked_state(before, {**before, "status": "accepted"}) == "accepted"
    assert fhir.asked_state(before, before) == "submitted"


@pytest.mark.parametrize("reason", [r for r in DECLINE_REASONS if r != "other"])
def test_our_decline_reasons_are_understood(reason):
    told = {"statusReason": business((fhir.REASONS, reason))}
    assert fhir.decline_reason(told) == reason


def test_words_or_a_foreign_code_are_another_reason():
    assert fhir.decline_reason({"statusReason": {"text": "床位已满"}}) == "other"
    foreign = {"coding": [{"system": "urn:x", "code": "1", "display": "full"}]}
    assert fhir.decline_reason({"statusReason": foreign}) == "other"


@pytest.mark.parametrize(
    ("reason", "path"),
    [
        ({}, "Task.statusReason"),
        (business((fhir.REASONS, "tired")), "Task.statusReason"),
        (business((fhir.REASONS, "other")), "Task.statusReason.text"),
    ],
)
def test_declining_needs_a_reason_that_is_known(reason, path):
    with pytest.raises(Invalid) as refusal:
        fhir.decline_reason({"statusReason": reason})
    assert refusal.value.issues[0][0] == path


def test_the_filler_number_is_found_among_others():
    task = fhir.task(make.unsaved())
    assert fhir.filler(task) == ""
    number = {"type": business((fhir.V2_0203, "FILL")), "value": "H-1"}
    assert fhir.filler({**task, "identifier": [*task["identifier"], number]}) == "H-1"


@pytest.mark.parametrize("path", sorted(SHARED.glob("*/json/Task-*.json")) or [None])
def test_published_tasks_of_bser_and_gravity_are_understood(path):
    if path is None:
        pytest.skip("no published examples beside the repository")
    task = json.loads(path.read_text(encoding="utf-8"))
    assert fhir.state_of(task) in REFERRAL.states
