"""The table of rooms, walked through the database."""

import pytest

from kernel.errors import Forbidden, Refused
from kernel.principal import Principal
from kernel.transitions import apply
from signaling.models import Room
from signaling.workflow import ROOM

ROLES = ("doctor", "nurse", "admin", "patient", "system", "cashier", "auditor", "partner")


@pytest.mark.django_db
@pytest.mark.embedded
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", ROOM.transitions)
@pytest.mark.parametrize("state", ROOM.states)
def test_every_state_transition_and_role_does_what_the_table_says(state, name, role):
    room = Room.objects.create(purpose="visit:1", state=state)
    row = ROOM.transitions[name]
    by = Principal("Device/x", roles=frozenset({role}))
    if state in row.sources and role in row.by:
        assert apply(room, name, by=by).state == row.to
    else:
        with pytest.raises((Refused, Forbidden)):
            apply(room, name, by=by)
        assert Room.objects.get().state == state
        assert not room.transitions.exists()
