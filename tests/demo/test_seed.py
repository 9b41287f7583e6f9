"""The demo's people come from nowhere, once, and their day is consistent."""

import json
import stat
from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.contrib.auth import authenticate
from django.utils import timezone

from accounts.demo import credentials_path
from accounts.models import Institution, PatientAccount, User
from consult import queries as consult
from consult import services
from consult.models import Visit
from demo.handlers import follow_rehearsal
from demo.residents import Resident, residents
from demo.schedule import doctor
from demo.seed import seed
from kernel.principal import SYSTEM, Principal
from records import search, store

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]
NOON = timezone.localtime().replace(hour=12, minute=7)


def few_readings() -> list[Resident]:
    """Everybody, but only one of them measures: the rest of the readings are more of the same."""
    return [r if r.name == "赵桂芳" else replace(r, pressure=None) for r in residents()]


@pytest.fixture
def seeded(settings, tmp_path):
    settings.DATA_DIR, settings.DEMO = tmp_path, True
    with time_machine.travel(NOON):
        assert seed(few_readings()) is True
        yield json.loads(credentials_path().read_text())


def test_the_credentials_open_the_accounts_and_only_their_owner_reads_them(seeded):
    lin = seeded["staff"][0]
    assert (lin["username"], lin["name"], lin["roles"]) == ("lin.gp", "林静怡", ["doctor"])
    user = authenticate(username="lin.gp", password=lin["password"])
    assert user is not None
    authenticator = Authenticator.objects.get(user=user, type="totp").wrap()
    assert lin["totp_secret"] not in str(authenticator.instance.data)
    assert seeded["base"].startswith("http")
    assert len(seeded["patients"]) == 30
    assert stat.S_IMODE(credentials_path().stat().st_mode) == 0o600


def test_seeding_twice_changes_nothing(seeded):
    before = credentials_path().read_text()
    counts = (User.objects.count(), Visit.objects.count(), PatientAccount.objects.count())
    assert seed(few_readings()) is False
    assert (User.objects.count(), Visit.objects.count(), PatientAccount.objects.count()) == counts
    assert credentials_path().read_text() == before


def test_another_day_gets_its_own_schedule_with_fresh_links(seeded):
    with time_machine.travel(NOON + timedelta(days=1)):
        assert seed(few_readings()) is False
        again = json.loads(credentials_path().read_text())
    assert again["patients"][0]["visit_links"] != seeded["patients"][0]["visit_links"]
    assert again["staff"] == seeded["staff"]


def test_every_institution_and_post_is_there_as_fhir(seeded):
    for institution in Institution.objects.all():
        body = store.read("Organization", institution.public_id, by=SYSTEM).body
        assert body["name"] == institution.name
    assert Institution.objects.count() == 5
    for user in User.objects.all():
        assert store.read("Practitioner", user.practitioner_id, by=SYSTEM).body["name"]
        for post in user.posts.all():
            role = store.read("PractitionerRole", post.public_id, by=SYSTEM).body
            assert role["organization"]["reference"] == post.institution.reference


def test_the_history_of_a_resident_is_there_for_their_doctor_only(seeded):
    zhao = next(r for r in residents() if r.name == "赵桂芳")
    asks = [("patient", zhao.id), ("code", "85354-9")]
    assert len(search.search("Observation", asks, by=doctor()).matches) == 14
    guo = Principal("Practitioner/guo", "beibu-rehab", frozenset({"doctor"}))
    assert search.search("Observation", asks, by=guo).matches == []


def test_the_day_has_somebody_in_every_state(seeded):
    board = consult.board_page(doctor(), everyone=True)
    assert [row.name for row in board.waiting] == ["沈美娟", "赵桂芳", "何炳坤"]
    assert [row.name for row in board.owed] == ["周志强"]
    assert board.day.seen == 7
    assert board.day.expected >= 7
    assert board.waiting[1].promise is not None, "five visits are enough to say how long"


def test_the_past_of_a_visit_agrees_with_itself(seeded):
    for visit in Visit.objects.filter(state="completed"):
        steps = list(visit.transitions.values_list("at", flat=True))
        assert steps == sorted(steps)
        told = [visit.created_at, visit.waiting_since, visit.began_at, visit.ended_at]
        assert None not in told
        assert told == sorted(filter(None, told))
        encounter = store.read("Encounter", visit.encounter_id, by=SYSTEM).body
        assert encounter["status"] == "finished"


def test_the_partner_can_sign_with_its_key(seeded):
    partner = seeded["partners"][0]
    assert partner["organization"] == "Organization/donghua"
    assert "BEGIN PRIVATE KEY" in partner["private_key_pem"]


def test_a_rehearsal_that_is_over_is_followed_by_the_next(
    seeded, settings, django_capture_on_commit_callbacks
):
    first = Visit.objects.get(rehearsal=True)
    services.patient_absent(first, by=doctor())
    with django_capture_on_commit_callbacks(execute=True):
        for row in first.transitions.all():
            follow_rehearsal(row)
    following = Visit.objects.get(rehearsal=True, state="booked")
    link = json.loads((settings.DATA_DIR / "rehearsal.json").read_text())["link"]
    assert following.pk != first.pk
    assert consult.link_of(link.split("/")[2]).visit == following
