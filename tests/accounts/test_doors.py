"""Who comes in by which door, and what the others see."""

import pytest
import time_machine
from django.test import Client

from accounts.models import Post
from accounts.sessions import METHODS
from tests.accounts import make

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.accounts.views")]


@pytest.mark.embedded
def test_a_doctor_comes_in_as_who_they_are_at_their_institution():
    lin = make.staff("lin", "doctor", at=make.institution("yunling"))
    answer = make.signed_in(lin).get("/ward/")
    assert answer.content.decode() == f"{lin.reference} yunling"


def test_a_stranger_goes_to_sign_in_and_comes_back():
    answer = Client().get("/ward/?day=today")
    assert answer.status_code == 302
    assert answer["Location"] == "/accounts/login/?next=%2Fward%2F%3Fday%3Dtoday"


def test_a_part_asked_for_by_htmx_moves_the_whole_page_to_sign_in():
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/canteen/"}
    answer = Client().get("/ward/", headers=headers)
    assert answer.status_code == 401
    assert answer["HX-Redirect"] == "/accounts/login/?next=%2Fcanteen%2F"
    assert not answer.content


def test_the_wrong_role_sees_a_page_with_status_403():
    answer = make.signed_in(make.staff("qian", "cashier")).get("/ward/")
    assert answer.status_code == 403


def test_a_door_without_roles_is_open_to_all_staff():
    answer = make.signed_in(make.staff("qian", "cashier", name="钱")).get("/canteen/")
    assert answer.content.decode() == "钱"


def test_without_the_second_factor_nothing_opens():
    client = make.signed_in(make.staff("lin", "doctor"))
    session = client.session
    session[METHODS] = [{"method": "password"}]
    session.save()
    answer = client.get("/ward/")
    assert answer["Location"].startswith("/accounts/2fa/totp/activate/")
    assert client.get("/admin/")["Location"] == "/accounts/2fa/totp/activate/"


def test_a_lost_role_or_post_counts_at_the_next_request():
    lin = make.staff("lin", "doctor")
    client = make.signed_in(lin)
    assert client.get("/ward/").status_code == 200
    Post.objects.filter(user=lin).update(roles=["auditor"])
    assert client.get("/ward/").status_code == 403
    Post.objects.filter(user=lin).update(active=False)
    assert client.get("/ward/").status_code == 302
    lin.is_active = False
    lin.save()
    assert client.get("/ward/")["Location"].startswith("/accounts/login/")


def test_two_posts_ask_for_a_choice_and_keep_to_it():
    song = make.staff("song", "doctor", at=make.institution("centre", "medical-centre"))
    post = make.post(song, "doctor", at=make.institution("yunling"))
    client = make.signed_in(song)
    assert client.get("/ward/")["Location"] == "/accounts/post/?next=%2Fward%2F"
    answer = client.post("/accounts/post/", {"post": post.public_id, "next": "/ward/"})
    assert answer["Location"] == "/ward/"
    assert client.get("/ward/").content.decode().endswith(" yunling")


def test_nobody_chooses_a_post_that_is_not_theirs():
    song = make.staff("song", "doctor", at=make.institution("centre", "medical-centre"))
    make.post(song, "doctor", at=make.institution("yunling"))
    other = make.staff("lin", "doctor").posts.get()
    client = make.signed_in(song)
    assert client.post("/accounts/post/", {"post": other.public_id}).status_code == 200
    assert client.get("/ward/").status_code == 302


def test_the_choice_never_leads_to_another_site():
    song = make.staff("song", "doctor", at=make.institution("centre", "medical-centre"))
    post = make.post(song, "doctor", at=make.institution("yunling"))
    answer = make.signed_in(song).post(
        "/accounts/post/", {"post": post.public_id, "next": "https://evil.example/"}
    )
    assert answer["Location"] == "/console/"


@pytest.mark.embedded
def test_a_patient_comes_to_their_own_pages_only():
    zhao = make.patient()
    client = make.patient_in(zhao)
    assert client.get("/bedside/").content.decode() == zhao.reference
    assert client.get("/ward/").status_code == 302


def test_a_patient_without_a_link_is_told_how_to_get_one():
    assert Client().get("/bedside/").status_code == 401


def test_a_patients_time_runs_out():
    client = make.patient_in(make.patient())
    with time_machine.travel("2099-01-01"):
        assert client.get("/bedside/").status_code == 401


def test_a_closed_account_is_closed_at_once():
    zhao = make.patient()
    client = make.patient_in(zhao)
    zhao.active = False
    zhao.save()
    assert client.get("/bedside/").status_code == 401


def test_one_browser_may_hold_a_doctor_and_a_patient():
    lin, zhao = make.staff("lin", "doctor"), make.patient()
    client = make.patient_in(zhao, client=make.signed_in(lin))
    assert client.get("/bedside/").content.decode() == zhao.reference
    assert client.get("/ward/").content.decode().startswith(lin.reference)
