"""A partner's system and the running service, over HTTP: discovery, tokens, data, export.

The service is the embedded profile as operators start it; the partner is registered by the command.
"""

import base64
import gzip
import hmac
import json
import sqlite3
import time
from contextlib import closing, contextmanager
from types import SimpleNamespace

import httpx
import pytest
import time_machine
from django.test import override_settings
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from accounts.models import Partner
from accounts.oauth import tokens
from config.embedded import free_port
from deploy.processes import Family, run_once, wait_until_answers
from kernel.ids import new_id
from tests.accounts.key_server import KeyServer
from tests.fakes.endpoint import Endpoint
from tests.records.cast import observation, patient
from tests.records.test_subscriptions import subscription

pytestmark = pytest.mark.timeout(120)
RSA = RSAKey.generate_key(2048, {"kid": "donghua-2026"})
EC = ECKey.generate_key("P-384", {"kid": "xihua-2026"})
TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
FHIR = {"Content-Type": "application/fhir+json"}
SECRET = "a-secret-of-this-test-alone-and-of-no-service"


@contextmanager
def serving(home):
    """The service with two partners: keys inline (RS384), and keys by address (ES384)."""
    port, family, keys = free_port(), Family(), KeyServer()
    keys.keys = {"keys": [EC.as_dict(private=False)]}
    base = f"http://127.0.0.1:{port}"
    environment = {
        **{"DATABASE_URL": "", "REDIS_URL": "", "DATA_DIR": str(home), "PUBLIC_URL": base},
        **{"DJANGO_SETTINGS_MODULE": "config.settings", "SECRET_KEY": SECRET},
    }
    inline = home / "jwks.json"
    inline.write_text(json.dumps({"keys": [RSA.as_dict(private=False)]}))
    partner = ("manage", "partner", "set")
    try:
        run_once("manage", "migrate", "-v0", env=environment)
        run_once(
            *(*partner, "donghua", "--client-id", "donghua", "--jwks", str(inline)),
            *("--scopes", "system/*.cruds"),
            env=environment,
            quiet=True,
        )
        run_once(
            *(*partner, "xihua", "--client-id", "xihua", "--jwks-url", keys.url),
            *("--scopes", "system/Patient.read system/Observation.rs?code=8867-4"),
            env=environment,
            quiet=True,
        )
        family.start("service", "config.run", "all", "--port", str(port), env=environment)
        assert wait_until_answers(f"{base}/readyz", family)
        with httpx.Client(base_url=base, trust_env=False, timeout=30) as http:
            yield SimpleNamespace(
                http=http, base=base, keys=keys, token_url=f"{base}/oauth/token", family=family
            )
    finally:
        family.stop()
        keys.close()


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("service")) as running:
        yield running


def assertion(service, client="donghua", key=RSA, alg="RS384", *, header=None, **changes):
    claims = {"iss": client, "sub": client, "aud": service.token_url, "jti": new_id()}
    claims |= {"exp": int(time.time()) + 240, **changes}
    head = {"alg": alg, "kid": key.kid, "typ": "JWT", **(header or {})}
    return jwt.encode(head, claims, key, algorithms=["RS384", "ES384", "RS256"])


def ask(service, signed, scope="system/*.cruds"):
    form = {"grant_type": "client_credentials", "scope": scope}
    form |= {"client_assertion_type": TYPE, "client_assertion": signed}
    return service.http.post("/oauth/token", data=form)


def bearer(service, *, client="donghua", key=RSA, alg="RS384", scope="system/*.cruds"):
    answer = ask(service, assertion(service, client, key, alg), scope)
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def test_what_a_stranger_reads_leads_to_a_token(service):
    answer = service.http.get("/fhir/.well-known/smart-configuration")
    found = answer.json()
    assert answer.headers["content-type"] == "application/json"
    assert found["token_endpoint"] == service.token_url
    assert found["grant_types_supported"] == ["client_credentials"]
    assert found["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    assert found["token_endpoint_auth_signing_alg_values_supported"] == ["RS384", "ES384"]
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert "system/*.rs" in found["scopes_supported"]
    assert {"client-confidential-asymmetric", "permission-v1", "permission-v2"} <= set(
        found["capabilities"]
    )
    assert not {"issuer", "jwks_uri", "authorization_endpoint"} & found.keys()
    security = service.http.get("/fhir/metadata").json()["rest"][0]["security"]
    assert security["service"][0]["coding"][0]["code"] == "SMART-on-FHIR"
    [uris] = security["extension"]
    assert {"url": "token", "valueUri": service.token_url} in uris["extension"]
    assert service.http.get("/fhir/Patient").status_code == 401


def test_both_algorithms_and_both_ways_of_giving_keys(service):
    inline = ask(service, assertion(service), "system/Patient.rs system/Task.cruds")
    by_address = ask(service, assertion(service, "xihua", EC, "ES384"), "system/*.rs")
    assert inline.json()["token_type"] == by_address.json()["token_type"] == "bearer"
    assert inline.json()["expires_in"] == 300
    assert inline.headers["cache-control"] == "no-store"
    assert inline.json()["scope"] == "system/Patient.rs system/Task.cruds"
    narrowed = "system/Observation.rs?code=8867-4 system/Patient.rs"
    assert by_address.json()["scope"] == narrowed
    assert service.keys.asked == 1


def test_version_1_scopes_are_understood(service):
    answer = ask(service, assertion(service), "system/Patient.read system/Task.*")
    assert answer.json()["scope"] == "system/Patient.rs system/Task.cruds"


def forged(service, alg, sign):
    """What no library makes: a JWT whose last part is what ``sign`` says of the first two."""
    claims = {"iss": "donghua", "sub": "donghua", "aud": service.token_url, "jti": new_id()}
    parts = [{"alg": alg, "kid": RSA.kid}, claims | {"exp": int(time.time()) + 60}]
    words = [encoded(json.dumps(part).encode()) for part in parts]
    return b".".join([*words, encoded(sign(b".".join(words)))]).decode()


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def confused(service, alg, digest):
    """Signed with the public key as if it were a shared secret."""
    secret = RSA.as_pem(private=False)
    return forged(service, alg, lambda data: hmac.digest(secret, data, digest))


STRANGER = RSAKey.generate_key(2048, {"kid": "donghua-2026"})
TRICKS = {
    "an exp too far": lambda s: assertion(s, exp=int(time.time()) + 400),
    "an exp that is over": lambda s: assertion(s, exp=int(time.time()) - 1),
    "another audience": lambda s: assertion(s, aud=f"{s.base}/fhir"),
    "another kid": lambda s: assertion(s, header={"kid": "2025"}),
    "another key": lambda s: assertion(s, key=STRANGER),
    "another subject": lambda s: assertion(s, sub="xihua"),
    "an unknown client": lambda s: assertion(s, "nobody"),
    "another partner's key": lambda s: assertion(s, "xihua", RSA),
    "no algorithm": lambda s: forged(s, "none", lambda data: b""),
    "a public key as secret": lambda s: confused(s, "HS256", "sha256"),
    "the same with HS384": lambda s: confused(s, "HS384", "sha384"),
    "a weaker algorithm": lambda s: assertion(s, alg="RS256"),
}


@pytest.mark.parametrize("trick", TRICKS)
def test_no_token_for(service, trick):
    answer = ask(service, TRICKS[trick](service))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client"), answer.text
    assert "access_token" not in answer.json()


def test_an_assertion_is_used_once(service):
    signed = assertion(service)
    assert [ask(service, signed).status_code for _ in range(3)] == [200, 401, 401]


@override_settings(SECRET_KEY=SECRET)
def test_a_token_opens_its_scopes_until_it_ends(service):
    head = bearer(service, scope="system/Patient.cr system/Observation.s")
    made = service.http.post("/fhir/Patient", json=patient(), headers=head | FHIR)
    assert made.status_code == 201
    where = f"/fhir/Patient/{made.json()['id']}"
    assert service.http.get(where, headers=head).status_code == 200
    assert service.http.get("/fhir/Patient", headers=head).status_code == 403
    assert service.http.get("/fhir/Observation", headers=head).status_code == 200
    refused = service.http.put(where, json=made.json(), headers=head | FHIR)
    assert (refused.status_code, refused.json()["resourceType"]) == (403, "OperationOutcome")
    donghua = Partner(organization_id="donghua", name="donghua")
    for age, status in ((290, 200), (301, 401)):
        with time_machine.travel(time.time() - age):
            old = tokens.issue(donghua, "system/*.rs")
        answer = service.http.get(where, headers={"Authorization": f"Bearer {old}"})
        assert answer.status_code == status
    assert service.http.get(where, headers={"Authorization": "Bearer x"}).status_code == 401


def wait_for(service, status, head):
    """Ask as a polite client does: no sooner than ``Retry-After`` says."""
    for _ in range(60):
        answer = service.http.get(status, headers=head)
        if answer.status_code != 202:
            return answer
        assert answer.headers["x-progress"]
        time.sleep(float(answer.headers["retry-after"]))
    raise AssertionError("the export does not end")


def test_a_bulk_export_from_token_to_file(service):
    head = bearer(service)
    service.http.put("/fhir/Patient/bulk", json=patient(id="bulk"), headers=head | FHIR)
    for n in range(50):
        body = observation("Patient/bulk", value=n, id=f"bulk-{n}")
        made = service.http.put(f"/fhir/Observation/bulk-{n}", json=body, headers=head | FHIR)
        assert made.status_code == 201, made.text
    address = "/fhir/Patient/$export?_type=Observation&_typeFilter=Observation?patient=bulk"
    started = service.http.get(address, headers=head | {"Prefer": "respond-async"})
    assert started.status_code == 202, started.text
    status = started.headers["content-location"]
    again = service.http.get(address, headers=head | {"Prefer": "respond-async"})
    assert again.status_code == 429
    other = bearer(service, client="xihua", key=EC, alg="ES384", scope="system/Patient.rs")
    assert service.http.get(status, headers=other).status_code == 404
    done = wait_for(service, status, head)
    assert done.status_code == 200, done.text
    [file] = done.json()["output"]
    assert (file["type"], file["count"]) == ("Observation", 50)
    assert service.http.get(file["url"]).status_code == 401
    assert service.http.get(file["url"], headers=other).status_code == 404
    plain = service.http.get(file["url"], headers=head | {"Accept-Encoding": "identity"})
    assert plain.headers["content-type"] == "application/fhir+ndjson"
    lines = plain.text.splitlines()
    read = service.http.get("/fhir/Observation/bulk-7", headers=head)
    assert (len(lines), read.text in lines) == (50, True)
    packed = head | {"Accept-Encoding": "gzip"}
    with service.http.stream("GET", file["url"], headers=packed) as answer:
        assert answer.headers["content-encoding"] == "gzip"
        assert gzip.decompress(b"".join(answer.iter_raw())).decode() == plain.text
    assert service.http.head(file["url"], headers=head).content == b""
    assert service.http.delete(status, headers=head).status_code == 202
    assert service.http.get(status, headers=head).status_code == 404
    assert service.http.get(file["url"], headers=head).status_code == 404


def test_a_partner_subscribes_and_is_told(service):
    head = bearer(service)
    with Endpoint() as endpoint:
        wish = subscription(
            "code=8867-4",
            topic="observation-created",
            content="full-resource",
            endpoint=endpoint.url,
        )
        made = service.http.post("/fhir/Subscription", json=wish, headers=head | FHIR)
        assert made.status_code == 201, made.text
        address = f"/fhir/Subscription/{made.json()['id']}"
        arrived(endpoint, 1)
        while service.http.get(address, headers=head).json()["status"] != "active":
            time.sleep(0.05)
        service.http.put("/fhir/Patient/told", json=patient(id="told"), headers=head | FHIR)
        for code in ("8867-4", "8310-5", "8867-4"):
            body = observation("Patient/told", code=code)
            assert service.http.post("/fhir/Observation", json=body, headers=head | FHIR).is_success
        arrived(endpoint, 1, events=2)
        hello, *told = endpoint.taken()
        assert hello.said["type"] == "handshake"
        assert [number for message in told for number in message.numbers] == [1, 2]
        [entry] = told[0].body["entry"][1:2]
        found = service.http.get(entry["fullUrl"], headers=head)
        assert found.json() == entry["resource"]
        status = service.http.get(f"{address}/$status", headers=head).json()["entry"][0]
        assert '"2"' in json.dumps(status["resource"])
        other = bearer(service, client="xihua", key=EC, alg="ES384", scope="system/*.rs")
        assert service.http.get(address, headers=other).status_code in (403, 404)
        assert service.http.delete(address, headers=head).status_code == 204


def arrived(endpoint, messages, *, events=0):
    """Wait until so many messages, and events in them, have come."""
    ends = time.monotonic() + 40
    while len(endpoint.came) < messages or sum(len(m.events) for m in endpoint.came) < events:
        assert time.monotonic() < ends, "nothing came"
        time.sleep(0.05)


def test_what_was_read_just_before_the_end_is_in_the_trail(tmp_path):
    reads = 267  # one batch is written at once, the rest waits for the next
    with serving(tmp_path) as service:
        head = bearer(service)
        for _ in range(reads):
            assert service.http.get("/fhir/Patient/nobody", headers=head).status_code == 404
        service.family.stop()
        assert service.family.children["service"].returncode == 0
    with closing(sqlite3.connect(tmp_path / "tongzhen.sqlite3")) as database:
        told = "SELECT COUNT(*) FROM records_auditrow WHERE interaction = 'read'"
        assert database.execute(told).fetchone() == (reads,)
