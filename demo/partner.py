"""The partner hospital of the demo: its organization, its keys drawn afresh, its row."""

import os
from typing import Any

from joserfc.jwk import ECKey

from accounts.models import Partner
from demo.numbers import credit_code
from demo.places import organization
from kernel.principal import SYSTEM
from records import store

Json = dict[str, Any]
ID = "donghua"
NAME = "静安区东华医院（虚构）"
CLIENT_ID = "donghua-hospital"
SCOPES = "system/*.cruds"


def seed_partner() -> Json:
    """Write the partner; return its line of the credentials, private key in clear."""
    key = ECKey.generate_key("P-384")
    kid = key.thumbprint()
    public = {**key.as_dict(private=False), "kid": kid, "use": "sig", "alg": "ES384"}
    partner = Partner.objects.create(
        organization_id=ID,
        name=NAME,
        fhir_base=f"{_address()}/fhir",
        client_id=CLIENT_ID,
        jwks={"keys": [public]},
        scopes=SCOPES,
    )
    body = organization(NAME, "Donghua Hospital (fictional)", credit_code(90))
    store.update("Organization", ID, body, by=SYSTEM, institution=ID)
    return {
        "client_id": CLIENT_ID,
        "kid": kid,
        "private_key_pem": key.as_pem(private=True).decode(),
        "scopes": SCOPES,
        "organization": partner.reference,
    }


def _address() -> str:
    """Where the partner's own process answers (``./dev partner``)."""
    return os.environ.get("PARTNER_URL", "http://127.0.0.1:8100").rstrip("/")
