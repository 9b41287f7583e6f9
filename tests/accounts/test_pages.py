"""The pages of sign-in, walked as people walk them."""

import json
import re
import time
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.core.cache import cache
from django.test import Client

from accounts import messages
from accounts.sessions import METHODS
from tests.accounts import make

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.accounts.views")]
PASSWORD = "correct horse battery"
LOGIN = "/accounts/login/"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.fixture(autouse=True)
def fresh_limits():
    cache.clear()


def code(secret: str = SECRET, steps: int = 0) -> str:
    """What the authenticator app shows now, or some half minutes later."""
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps)))


def with_phone(username: str = "lin", *roles: str) -> Any:
    user = make.staff(username, *(roles or ("doctor",)))
    TOTP.activate(user, SECRET)
    return user


def type_password(client: Client, username: str = "lin", password: str = PASSWORD) -> Any:
    return client.post(f"{LOGIN}?next=/ward/", {"login": username, "password": password})


@pytest.mark.embedded
def test_password_and_code_open_the_door_and_lead_back():
    lin, client = with_phone(), Client()
    assert type_password(client)["Location"].startswith("/accounts/2fa/authenticate/")
    assert client.get("/ward/").status_code == 302, "a password alone opens nothing"
    answer = client.post("/accounts/2fa/authenticate/", {"code": code()})
    assert answer["Location"] == "/ward/"
    assert client.get("/ward/").content.decode().startswith(lin.reference)


def test_the_key_of_the_session_changes_at_sign_in():
    with_phone()
    client = Client()
    client.get(LOGIN)
    client.session.save()
    planted = client.cookies.get("sessionid")
    type_password(client)
    client.post("/accounts/2fa/authenticate/", {"code": code()})
    assert planted is None or client.cookies["sessionid"].value != planted.value
    assert client.session[METHODS][-1]["method"] == "mfa"


def test_a_code_works_once():
    with_phone()
    shown = code()
    for expected in (302, 200):
        client = Client()
        type_password(client)
        answer = client.post("/accounts/2fa/authenticate/", {"code": shown})
        assert answer.status_code == expected


def test_a_recovery_code_works_once():
    lin = with_phone()
    recovery = RecoveryCodes.activate(lin).get_unused_codes()[0]
    for expected in (302, 200):
        client = Client()
        type_password(client)
        answer = client.post("/accounts/2fa/authenticate/", {"code": recovery})
        assert answer.status_code == expected


def test_guessing_codes_is_stopped():
    with_phone()
    client = Client()
    type_password(client)
    for _try in range(6):
        client.post("/accounts/2fa/authenticate/", {"code": "000000"})
    answer = client.post("/accounts/2fa/authenticate/", {"code": code()})
    assert answer.status_code == 200
    assert client.get("/ward/").status_code == 302


def test_guessing_passwords_is_stopped():
    with_phone()
    client = Client()
    for _try in range(6):
        type_password(client, password="wrong wrong wrong")
    assert type_password(client).status_code == 200, "the right one comes too late"


def test_a_wrong_name_and_a_wrong_password_are_told_the_same():
    with_phone()
    pages = [
        re.sub(r'(value|href|content)="[^"]*"', "", type_password(Client(), *who).content.decode())
        for who in (("lin", "wrong wrong wrong"), ("nobody", "wrong wrong wrong"))
    ]
    assert pages[0] == pages[1]
    assert "errors" in pages[0]


def test_without_a_phone_the_first_thing_is_to_set_one_up():
    make.staff("lin", "doctor")
    client = Client()
    type_password(client)
    assert client.get("/ward/")["Location"].startswith("/accounts/2fa/totp/activate/")
    page = client.get("/accounts/2fa/totp/activate/").content.decode()
    shown = re.search(r'class="secret">([A-Z2-7]+)<', page)
    assert shown
    answer = client.post("/accounts/2fa/totp/activate/", {"code": code(shown[1])})
    assert answer["Location"] == "/accounts/2fa/recovery-codes/"
    assert client.get("/accounts/2fa/recovery-codes/").content.decode().count("<li>") == 10
    assert client.get("/ward/").status_code == 200


def test_the_secret_is_not_stored_in_clear():
    with_phone()
    assert SECRET not in json.dumps(Authenticator.objects.get().data)


def test_nobody_switches_the_second_factor_off():
    with_phone()
    client = Client()
    type_password(client)
    client.post("/accounts/2fa/authenticate/", {"code": code()})
    assert client.post("/accounts/2fa/totp/deactivate/").status_code == 405
    assert Authenticator.objects.filter(type="totp").exists()


def test_nobody_signs_up():
    Client().post("/accounts/signup/", {"username": "x", "password1": PASSWORD})
    page = Client().get("/accounts/signup/").content.decode()
    assert '<form method="post" action="/accounts/signup/' not in page
    assert "账号由机构开通" in page


def test_sign_out_ends_the_session_and_needs_a_form():
    client = make.signed_in(make.staff("lin", "doctor"))
    client.get("/accounts/logout/")
    assert client.get("/ward/").status_code == 200
    client.post("/accounts/logout/")
    assert client.get("/ward/").status_code == 302


def test_forms_refuse_what_comes_from_elsewhere():
    client = make.signed_in(make.staff("lin", "doctor"), client=Client(enforce_csrf_checks=True))
    for address in ("/accounts/logout/", LOGIN, "/accounts/post/", "/accounts/patient/"):
        assert client.post(address).status_code == 403, address


def test_a_next_that_leads_away_is_not_followed():
    with_phone()
    client = Client()
    client.post(f"{LOGIN}?next=https://evil.example/", {"login": "lin", "password": PASSWORD})
    answer = client.post("/accounts/2fa/authenticate/", {"code": code()})
    assert answer["Location"] == "/console/"


def test_the_language_is_chosen_on_the_page():
    client = Client()
    assert "下一步要用手机上的动态码" in client.get(LOGIN).content.decode()
    client.post("/i18n/setlang/", {"language": "en", "next": LOGIN})
    assert "Next, a code from your phone" in client.get(LOGIN).content.decode()


def test_every_page_of_ones_own_sign_in_opens():
    client = make.signed_in(with_phone())
    session = client.session
    session[METHODS] = [{"method": "mfa", "type": "totp", "at": time.time()}]
    session.save()
    for address in ("/accounts/2fa/", "/accounts/password/change/", "/accounts/logout/"):
        assert client.get(address).status_code == 200, address
    assert client.get("/accounts/reauthenticate/").status_code in (200, 302)


@pytest.fixture
def seeded(settings, tmp_path):
    settings.DEMO, settings.DATA_DIR = True, tmp_path
    make.staff("lin", "doctor", name="林静怡")
    make.staff("real", "admin", name="真人")
    people = {
        "staff": [{"username": "lin", "name": "林静怡", "institution": "云岭", "roles": []}],
        "patients": [{"name": "赵桂芳", "visit_links": ["/visit/abc/"]}],
    }
    (tmp_path / "credentials.json").write_text(json.dumps(people))


def test_the_demo_lets_in_the_seeded_people_by_one_click(seeded):
    page = Client().get(LOGIN).content.decode()
    assert "林静怡" in page
    assert "/visit/abc/" in page
    assert "真人" not in page
    client = Client()
    assert client.post("/accounts/demo/", {"username": "lin"})["Location"] == "/console/"
    assert client.get("/ward/").status_code == 200


def test_the_demo_lets_in_nobody_else(seeded, settings):
    assert Client().post("/accounts/demo/", {"username": "real"}).status_code == 404
    assert Client().get("/accounts/demo/").status_code == 405
    settings.DEMO = False
    assert Client().post("/accounts/demo/", {"username": "lin"}).status_code == 404
    assert "林静怡" not in Client().get(LOGIN).content.decode()


@pytest.mark.embedded
def test_a_patient_comes_in_by_phone_and_code(settings):
    settings.DEMO = True
    zhao, client = make.patient(), Client()
    assert client.post("/accounts/patient/", {"phone": "199"}).status_code == 422
    answer = client.post("/accounts/patient/", {"phone": "+86 199 0000 1234"})
    assert answer["Location"] == "/accounts/patient/code/"
    sent = re.search(r"\d{6}", messages.shown_in_demo(zhao.phone)[0].text)
    assert sent
    assert sent[0] in client.get("/accounts/patient/code/").content.decode()
    assert client.post("/accounts/patient/code/", {"code": "x"}).status_code == 422
    assert client.post("/accounts/patient/code/", {"code": sent[0]})["Location"] == "/me/"
    assert client.get("/bedside/").content.decode() == zhao.reference


def test_a_family_chooses_and_only_among_its_own(settings):
    settings.DEMO = True
    zhao, wife, stranger = (
        make.patient("赵德明"),
        make.patient("陈玉兰"),
        make.patient("别人", phone="19900005678"),
    )
    client = Client()
    client.post("/accounts/patient/", {"phone": zhao.phone})
    sent = re.search(r"\d{6}", messages.shown_in_demo(zhao.phone)[0].text)
    assert sent
    answer = client.post("/accounts/patient/code/", {"code": sent[0]})
    assert answer["Location"] == "/accounts/patient/choice/"
    assert "陈玉兰" in client.get("/accounts/patient/choice/").content.decode()
    client.post("/accounts/patient/choice/", {"account": stranger.fhir_id})
    assert client.get("/bedside/").status_code == 401
    client.post("/accounts/patient/choice/", {"account": wife.fhir_id})
    assert client.get("/bedside/").content.decode() == wife.reference


def test_the_steps_of_a_patient_cannot_be_skipped():
    client = Client()
    for address in ("/accounts/patient/code/", "/accounts/patient/choice/"):
        assert client.get(address)["Location"] == "/accounts/patient/"


def test_admin_is_for_superusers_with_a_second_factor():
    root = make.staff("root", "admin")
    root.is_staff = root.is_superuser = True
    root.save()
    client = make.signed_in(root)
    for address in ("", "accounts/user/", "accounts/institution/", "accounts/partner/add/"):
        assert client.get(f"/admin/{address}").status_code == 200, address
    assert client.get(f"/admin/accounts/user/{root.pk}/change/").status_code == 200
    assert make.signed_in(make.staff("lin", "doctor")).get("/admin/").status_code == 403
    assert Client().get("/admin/")["Location"] == LOGIN
