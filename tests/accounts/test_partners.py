"""An operator registers a partner's system, and hears at once what could never work."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from joserfc.jwk import ECKey, OctKey, RSAKey

from accounts import partners
from accounts.models import Partner
from kernel.errors import Invalid, Missing
from kernel.principal import SYSTEM
from records import store
from tests.accounts import make

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]
KEY = ECKey.generate_key("P-384", {"kid": "2026"})
PUBLIC = KEY.as_dict(private=False)
FACTS = {"client_id": "donghua", "jwks": {"keys": [PUBLIC]}, "scopes": "system/*.rs"}


def command(*words):
    said = StringIO()
    call_command("partner", *map(str, words), stdout=said)
    return said.getvalue()


def test_a_partner_is_registered_changed_stopped_and_started(tmp_path):
    keys = tmp_path / "jwks.json"
    keys.write_text(json.dumps({"keys": [PUBLIC]}))
    more = ("--client-id", "donghua-his", "--scopes", "system/Task.rus", "--name", "东华医院")
    said = command("set", "donghua", "--jwks", keys, *more)
    assert said == "donghua: 东华医院, client donghua-his, 1 key(s), system/Task.rus\n"
    assert store.read("Organization", "donghua", by=SYSTEM).body["name"] == "东华医院"
    url = "https://donghua.example/jwks.json"
    assert url in command("set", "donghua", "--jwks-url", url)
    row = Partner.objects.get()
    assert (row.jwks, row.client_id, row.scopes) == (None, "donghua-his", "system/Task.rus")
    command("stop", "donghua")
    assert "(stopped)" in command("list")
    command("start", "donghua")
    assert "(stopped)" not in command("list")


def test_the_command_says_what_is_wrong(tmp_path):
    for words, says in (
        (("stop", "nobody"), "no such partner"),
        (("set", "donghua"), "client_id"),
        (("set", "donghua", "--jwks", tmp_path / "none.json"), "No such file"),
    ):
        with pytest.raises(CommandError, match=says):
            command(*words)
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    with pytest.raises(CommandError):
        command("set", "donghua", "--client-id", "x", "--jwks", broken)
    assert not Partner.objects.exists()


SMALL = RSAKey.generate_key(1024, {"kid": "small"})


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"client_id": ""}, "client_id"),
        ({"client_id": "a\nb"}, "client_id"),
        ({"client_id": "taken"}, "client_id"),
        ({"jwks": None}, "jwks"),
        ({"jwks": []}, "jwks"),
        ({"jwks": ["x"]}, "jwks"),
        ({"jwks": {"keys": []}}, "jwks"),
        ({"jwks": {"keys": ["x"]}}, "jwks.keys[0].kid"),
        ({"jwks": {"keys": [PUBLIC | {"kid": ""}]}}, "jwks.keys[0].kid"),
        ({"jwks": {"keys": [PUBLIC, PUBLIC]}}, "jwks.keys[1].kid"),
        ({"jwks": {"keys": [KEY.as_dict(private=True)]}}, "jwks.keys[0]"),
        ({"jwks": {"keys": [OctKey.generate_key(256, {"kid": "o"}).as_dict()]}}, "jwks.keys[0]"),
        ({"jwks": {"keys": [SMALL.as_dict(private=False)]}}, "jwks.keys[0]"),
        ({"jwks": {"keys": [{"kty": "EC", "kid": "x"}]}}, "jwks.keys[0]"),
        (
            {"jwks": {"keys": [ECKey.generate_key("P-256", {"kid": "x"}).as_dict(private=False)]}},
            "jwks.keys[0]",
        ),
        ({"jwks_url": "ftp://donghua.example"}, "jwks_url"),
        ({"fhir_base": "donghua.example"}, "fhir_base"),
        ({"scopes": ""}, "scopes"),
        ({"scopes": "system/Patient.sr"}, "scopes"),
        ({"scopes": "patient/*.rs"}, "scopes"),
    ],
)
def test_what_could_never_work_is_refused_by_name(change, where):
    make.partner("other", client_id="taken")
    with pytest.raises(Invalid) as refused:
        partners.register("donghua", **(FACTS | change))
    assert refused.value.issues[0][0] == where
    assert Partner.objects.count() == 1


def test_plain_http_is_for_private_networks(settings):
    settings.PARTNER_PRIVATE_NETWORKS = False
    with pytest.raises(Invalid, match="https"):
        partners.register("donghua", **(FACTS | {"jwks_url": "http://donghua.example/jwks"}))
    with pytest.raises(Invalid, match="organization_id"):
        partners.register("Organization/donghua", **FACTS)
    with pytest.raises(Missing):
        partners.switch("donghua", active=False)


def test_the_admin_asks_the_same():
    root = make.staff("root", "admin")
    root.is_superuser = root.is_staff = True
    root.save()
    browser = make.signed_in(root)
    form = {"organization_id": "donghua", "name": "东华医院", "active": "on", **FACTS}
    private = json.dumps({"keys": [KEY.as_dict(private=True)]})
    refused = browser.post("/admin/accounts/partner/add/", form | {"jwks": private})
    assert "jwks.keys[0]: is a private key" in refused.content.decode()
    taken = browser.post("/admin/accounts/partner/add/", form | {"jwks": json.dumps(FACTS["jwks"])})
    assert (taken.status_code, Partner.objects.get().client_id) == (302, "donghua")
