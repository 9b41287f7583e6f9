"""The table of referrals: every state, transition and role, and what the table promises."""

import pytest
from django.db import IntegrityError, transaction

from kernel.errors import Forbidden, Refused
from kernel.principal import Principal
from kernel.transitions import apply
from referrals.models import Referral
from referrals.workflow import LIVE, OVER, REFERRAL
from tests.referrals import make

ROLES = ("doctor", "partner", "patient")


@pytest.mark.django_db
@pytest.mark.embedded
def test_every_state_transition_and_role_does_what_the_table_says():
    for state in REFERRAL.states:
        for name, transition_ in REFERRAL.transitions.items():
            for role in ROLES:
                referral = make.referral(state=state, patient=f"Patient/{state}-{name}-{role}")
                fits = state in transition_.sources and role in transition_.by
                by = Principal("Practitioner/x", roles=frozenset({role}))
                if fits:
                    assert apply(referral, name, by=by).state == transition_.to
                else:
                    with pytest.raises((Refused, Forbidden)):
                        apply(referral, name, by=by)
                    assert Referral.objects.get(pk=referral.pk).state == state


def test_one_way_at_most_leads_a_partner_from_one_state_to_another():
    for state in REFERRAL.states:
        targets = [t.to for t in REFERRAL.allowed(state, {"partner"})]
        assert len(targets) == len(set(targets)), state


def test_what_is_closed_declined_or_cancelled_stays_so():
    finals = {state for state in REFERRAL.states if REFERRAL.is_final(state)}
    assert finals == {"closed", "declined", "cancelled"}
    assert finals < OVER
    assert LIVE.isdisjoint(OVER)


@pytest.mark.django_db
@pytest.mark.embedded
def test_the_database_keeps_one_live_referral_per_patient_and_purpose():
    make.referral(state="accepted", purpose="admission")
    make.referral(state="accepted", purpose="examination")
    make.referral(state="declined", purpose="admission")
    with pytest.raises(IntegrityError), transaction.atomic():
        make.referral(state="draft", purpose="admission")
