"""apply() is the one way in which a state changes."""

import threading

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from kernel.errors import Forbidden, Missing, Refused
from kernel.principal import Principal
from kernel.transitions import apply
from tests.kernel.lamps.models import LAMP, Lamp, LampTransition

KEEPER = Principal("Practitioner/keeper", institution="house", roles=frozenset({"keeper"}))


@pytest.mark.django_db
@pytest.mark.embedded
def test_one_transition_changes_the_state_the_columns_and_writes_one_row():
    lamp = Lamp.objects.create()
    lit = apply(lamp, "light", by=KEEPER, changes={"colour": "red"}, facts={"why": "dusk"})
    fresh = Lamp.objects.get()
    assert (lit.state, fresh.state, fresh.colour) == ("on", "on", "red")
    row = LampTransition.objects.get()
    assert (row.name, row.from_state, row.to_state) == ("light", "off", "on")
    assert (row.by_reference, row.by_institution) == ("Practitioner/keeper", "house")
    assert row.facts == {"why": "dusk"}
    assert row.delivered_at is None


@pytest.mark.django_db
@pytest.mark.embedded
def test_a_refused_transition_leaves_nothing_behind():
    lamp = Lamp.objects.create()
    with pytest.raises(Refused):
        apply(lamp, "douse", by=KEEPER, changes={"colour": "red"})
    with pytest.raises(Forbidden):
        apply(lamp, "light", by=Principal("Patient/x"))
    assert not LampTransition.objects.exists()
    assert Lamp.objects.get().colour == "white"


@pytest.mark.django_db
def test_a_thing_that_is_gone_is_missing():
    lamp = Lamp.objects.create()
    Lamp.objects.all().delete()
    with pytest.raises(Missing):
        apply(lamp, "light", by=KEEPER)


@pytest.mark.django_db
def test_the_database_refuses_a_state_outside_the_table():
    with pytest.raises(IntegrityError), transaction.atomic():
        Lamp.objects.create(state="glowing")


class NoTransitionOutsideTheTable(TestCase):
    """Property: any walk of any roles stays inside the table, and the rows tell the walk."""

    @settings(max_examples=40, deadline=None)
    @given(
        st.lists(
            st.tuples(
                st.sampled_from(sorted(LAMP.transitions)),
                st.sampled_from(["keeper", "night", "anyone", "stranger"]),
            ),
            max_size=12,
        )
    )
    def test_walk(self, steps):
        lamp = Lamp.objects.create()
        state = "off"
        for name, role in steps:
            transition = LAMP.transitions[name]
            fits = role in transition.by and state in transition.sources
            try:
                lamp = apply(lamp, name, by=Principal("x", roles=frozenset({role})))
            except (Refused, Forbidden):
                assert not fits
            else:
                assert fits
                state = transition.to
        assert Lamp.objects.get(pk=lamp.pk).state == state
        rows = list(lamp.transitions.all())
        assert [r.from_state for r in rows[1:]] == [r.to_state for r in rows[:-1]]


@pytest.mark.django_db(transaction=True)
@pytest.mark.embedded
def test_of_many_at_once_one_succeeds():
    lamp = Lamp.objects.create()
    start = threading.Barrier(6)
    outcomes: list[str] = []

    def one() -> None:
        start.wait()
        try:
            apply(lamp, "light", by=KEEPER)
            outcomes.append("done")
        except Refused:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["done", *["refused"] * 5]
    assert LampTransition.objects.count() == 1
