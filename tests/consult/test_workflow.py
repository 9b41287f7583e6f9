"""The table of visits: what may happen, by whom."""

import pytest

from consult.workflow import CLINIC_REASONS, ENDS, LIVE, UNSEEN, VISIT
from kernel.errors import Forbidden, Refused

ROLES = (
    *("doctor", "nurse", "pharmacist", "cashier", "admin", "auditor"),
    *("patient", "partner", "gateway", "system"),
)


@pytest.mark.parametrize("state", VISIT.states)
@pytest.mark.parametrize("name", VISIT.transitions)
@pytest.mark.parametrize("role", ROLES)
def test_every_state_transition_and_role_gives_what_the_table_says(state, name, role):
    row = VISIT.transitions[name]
    if role not in row.by:
        with pytest.raises(Forbidden):
            VISIT.check(name, state, {role})
    elif state not in row.sources:
        with pytest.raises(Refused):
            VISIT.check(name, state, {role})
    else:
        assert VISIT.check(name, state, {role}).to in VISIT.states


def test_a_visit_can_be_signed_from_its_booking_on():
    state = VISIT.start
    for name, role in (
        ("check_in", "patient"),
        ("call_in", "doctor"),
        ("begin", "system"),
        ("end_call", "doctor"),
        ("complete", "doctor"),
    ):
        state = VISIT.check(name, state, {role}).to
    assert state == "completed"
    assert VISIT.is_final(state)


def test_only_the_service_itself_begins_a_visit():
    assert VISIT.transitions["begin"].by == ("system",)


def test_the_named_groups_of_states_are_states():
    for group in (LIVE, ENDS, UNSEEN):
        assert set(group) <= set(VISIT.states)
    assert set(UNSEEN) <= set(ENDS)
    assert "completed" in ENDS
    assert "doctor-away" in CLINIC_REASONS
