"""Tokens for partners' systems: who gets one, and every trick that must not work."""

import json
import threading
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.db import connection
from django.test import Client
from joserfc import jws, jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey

from accounts.models import Partner, UsedAssertion
from accounts.oauth import tokens
from accounts.oauth.assertions import TYPE, token_url
from accounts.principals import standing, system_of
from kernel.clock import now
from kernel.ids import new_id
from tests.accounts import make
from tests.accounts.key_server import KeyServer

pytestmark = pytest.mark.django_db

KEY = ECKey.generate_key("P-384", {"kid": "2026"})
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
PUBLIC = {"keys": [KEY.as_dict(private=False), RSA.as_dict(private=False)]}


@pytest.fixture
def donghua() -> Partner:
    cache.clear()
    return make.partner("donghua", jwks=PUBLIC, scopes="system/*.rs system/Task.cruds")


def claims(**changes: Any) -> dict[str, Any]:
    client = "donghua-client"
    body: dict[str, Any] = {"iss": client, "sub": client, "aud": token_url(), "jti": new_id()}
    body |= {"exp": int(now().timestamp()) + 240, **changes}
    return {name: value for name, value in body.items() if value is not None}


def signed(body: dict[str, Any], key: Any = KEY, alg: str = "ES384", **header: Any) -> str:
    headers = {"alg": alg, "kid": key.kid, **header}
    headers = {name: value for name, value in headers.items() if value is not None}
    return jwt.encode(headers, body, key, algorithms=["ES384", "RS384", "ES256", "HS256", "HS384"])


def ask(assertion: str, scope: str = "system/Patient.rs", **changes: Any) -> Any:
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": TYPE,
        "client_assertion": assertion,
        "scope": scope,
        **changes,
    }
    body = "&".join(f"{name}={_quoted(value)}" for name, value in form.items())
    return Client().post("/oauth/token", body, content_type="application/x-www-form-urlencoded")


def _quoted(value: str) -> str:
    return value.replace("%", "%25").replace("+", "%2B").replace("&", "%26").replace(" ", "+")


@pytest.mark.embedded
@pytest.mark.parametrize(("key", "alg"), [(KEY, "ES384"), (RSA, "RS384")])
def test_a_partner_gets_a_token_and_is_known_by_it(donghua, key, alg):
    answer = ask(signed(claims(), key, alg), "system/Patient.cruds system/Task.ru")
    body = answer.json()
    assert (answer.status_code, body["token_type"], body["expires_in"]) == (200, "bearer", 300)
    assert body["scope"] == "system/Patient.rs system/Task.ru"
    assert answer["Cache-Control"] == "no-store"
    system = tokens.read(body["access_token"])
    assert system is not None
    assert (system.reference, system.institution) == ("Organization/donghua", "donghua")
    assert system.roles == {"partner"}
    assert system.scopes == {"system/Patient.rs", "system/Task.ru"}


def test_a_token_ends_after_five_minutes_and_cannot_be_changed(donghua):
    token = ask(signed(claims())).json()["access_token"]
    assert tokens.read(token[:-2] + "xx") is None
    assert tokens.read("") is None
    with time_machine.travel(now().timestamp() + 301):
        assert tokens.read(token) is None


def refused(answer: Any, code: str, status: int = 401) -> bool:
    return (answer.status_code, answer.json()["error"]) == (status, code)


def test_an_assertion_is_used_once(donghua):
    assertion = signed(claims())
    assert ask(assertion).status_code == 200
    assert refused(ask(assertion), "invalid_client")
    other = signed(claims(jti=json.loads(_payload(assertion))["jti"]))
    assert refused(ask(other), "invalid_client")


def _payload(assertion: str) -> str | bytes:
    return jws.extract_compact(assertion.encode()).payload


@pytest.mark.django_db(transaction=True)
def test_of_two_servers_that_see_the_same_assertion_one_accepts_it(donghua):
    assertion, answers = signed(claims()), []
    start = threading.Barrier(4)

    def once() -> None:
        start.wait()
        answers.append(ask(assertion).status_code)
        connection.close()

    threads = [threading.Thread(target=once) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200, 401, 401, 401]


def test_the_memory_of_used_assertions_is_swept(donghua):
    ask(signed(claims()))
    with time_machine.travel(now().timestamp() + 1000):
        ask(signed(claims()))
    assert UsedAssertion.objects.count() == 1


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "other-client"},
        {"sub": "other-client"},
        {"sub": None},
        {"aud": "https://elsewhere.example/oauth/token"},
        {"aud": None},
        {"aud": "http://127.0.0.1:8000/fhir"},
        {"jti": None},
        {"jti": 5},
        {"exp": None},
        {"exp": "soon"},
        {"exp": True},
        {"exp": 1},
        {"exp": 99_999_999_999},
        {"iat": 99_999_999_999},
        {"nbf": 99_999_999_999},
    ],
)
def test_a_wrong_claim_is_refused(donghua, change):
    assert refused(ask(signed(claims(**change))), "invalid_client")
    assert not UsedAssertion.objects.exists()


@pytest.mark.parametrize("change", [{"iss": "\0"}, {"iss": "a\0b", "sub": "a\0b"}])
def test_a_name_that_no_database_takes_is_refused_like_any_other(donghua, change):
    assert ask(signed(claims(**change))).status_code == 401


def test_other_algorithms_and_other_keys_are_refused(donghua):
    body = claims()
    confused = OctKey.import_key(json.dumps(PUBLIC["keys"][0]), {"kid": "2026"})
    stranger = ECKey.generate_key("P-384", {"kid": "2026"})
    small = ECKey.generate_key("P-256", {"kid": "2026"})
    for assertion in (
        signed(body, confused, "HS384"),
        signed(body, confused, "HS256"),
        signed(body, stranger),
        signed(body, small, "ES256"),
        signed(body, kid="unknown"),
        signed(body, kid=None),
        _unsigned(signed(body)),
        "not.a.jwt",
        "x" * 9000,
    ):
        answer = ask(assertion)
        assert answer.status_code in (400, 401), assertion
        assert "access_token" not in answer.json()


def _unsigned(assertion: str) -> str:
    return "eyJhbGciOiJub25lIiwia2lkIjoiMjAyNiJ9." + assertion.split(".")[1] + "."


def test_unknown_and_inactive_clients_are_refused_in_the_same_words(donghua):
    donghua.active = False
    donghua.save()
    inactive = ask(signed(claims()))
    unknown = ask(signed(claims(iss="nobody", sub="nobody")))
    wrong_key = ECKey.generate_key("P-384", {"kid": "2026"})
    donghua.active = True
    donghua.save()
    forged = ask(signed(claims(), wrong_key))
    assert inactive.json() == unknown.json() == forged.json()


def test_a_token_is_never_wider_than_what_the_partner_was_given(donghua):
    answer = ask(signed(claims()), "system/*.cruds")
    assert answer.json()["scope"] == "system/*.rs system/Task.cruds"
    assert refused(ask(signed(claims()), "system/Patient.d"), "invalid_scope", 400)
    assert refused(ask(signed(claims()), "user/*.cruds"), "invalid_scope", 400)
    assert refused(ask(signed(claims()), ""), "invalid_scope", 400)


def test_other_grants_and_odd_requests_are_refused(donghua):
    assert refused(ask("x", grant_type="password"), "unsupported_grant_type", 400)
    assert refused(ask("x", client_assertion_type="x"), "invalid_request", 400)
    assert refused(ask("", client_secret="x"), "invalid_request", 400)
    twice = ask(signed(claims()), **{"x": "1", "scope&scope": "system/*.cruds"})
    assert "access_token" not in twice.json()
    assert Client().get("/oauth/token").status_code == 405
    assert refused(
        Client().post("/oauth/token", "{}", content_type="application/json"), "invalid_request", 400
    )


@pytest.fixture
def key_server():
    server = KeyServer()
    yield server
    server.close()


def test_keys_are_fetched_kept_and_fetched_again_for_a_new_key(donghua, key_server):
    Partner.objects.update(jwks=None, jwks_url=key_server.url)
    key_server.keys = KeySet([KEY]).as_dict(private=False)
    assert ask(signed(claims())).status_code == 200
    assert ask(signed(claims())).status_code == 200
    assert key_server.asked == 1
    key_server.keys = KeySet([RSA]).as_dict(private=False)
    assert ask(signed(claims(), RSA, "RS384")).status_code == 200
    assert key_server.asked == 2
    assert refused(ask(signed(claims(), kid="made-up")), "invalid_client")
    assert key_server.asked == 2, "a made-up key does not make us knock again at once"


def test_a_key_address_that_redirects_or_is_private_is_refused(donghua, key_server, settings):
    Partner.objects.update(jwks=None, jwks_url=key_server.url)
    key_server.keys, key_server.status = KeySet([KEY]).as_dict(private=False), 302
    assert refused(ask(signed(claims())), "invalid_client")
    settings.PARTNER_PRIVATE_NETWORKS = False
    key_server.status, key_server.asked = 200, 0
    assert refused(ask(signed(claims())), "invalid_client")
    Partner.objects.update(jwks_url=key_server.url.replace("http:", "https:"))
    assert refused(ask(signed(claims())), "invalid_client")
    assert key_server.asked == 0


def test_who_was_let_in_once_has_only_the_access_of_today(donghua):
    once = system_of("donghua", ["system/*.rs"])
    assert standing(once).scopes == {"system/*.rs"}
    donghua.scopes = "system/Task.r"
    donghua.save()
    assert standing(once).scopes == {"system/Task.r"}
    donghua.scopes = "system/Task.c"
    donghua.save()
    assert standing(once) is None
    donghua.scopes, donghua.active = "system/*.cruds", False
    donghua.save()
    assert standing(once) is None
