"""Who we are to partners: our client id and our signing key.

The private key lies in one PEM file (``EXCHANGE_KEY_FILE``, else in ``DATA_DIR``), made on first
use; partners read the public half at ``/exchange/jwks.json``. SMART App Launch 2, Backend Services.
"""

import os
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from joserfc import jwt
from joserfc.jwk import ECKey

from kernel.clock import now
from kernel.ids import new_id

ALGORITHM = "ES384"
CURVE = "P-384"
# SMART: a client assertion lives five minutes at most; clocks differ a little.
ASSERTION_SECONDS = 240


def client_id() -> str:
    """The name under which partners know this service."""
    return str(settings.EXCHANGE_CLIENT_ID)


def key_file() -> Path:
    """Where the private key lies."""
    named = settings.EXCHANGE_KEY_FILE
    return Path(named) if named else Path(settings.DATA_DIR) / "exchange_key.pem"


def public_jwks() -> dict[str, Any]:
    """The JWK set that partners verify our assertions with."""
    key = _key()
    public = {"kid": key.thumbprint(), "use": "sig", "alg": ALGORITHM, "key_ops": ["verify"]}
    return {"keys": [{**key.as_dict(private=False), **public}]}


def assertion(audience: str) -> str:
    """A signed client assertion for the token endpoint ``audience`` (RFC 7523)."""
    key = _key()
    issued = int(now().timestamp())
    claims = {
        "iss": client_id(),
        "sub": client_id(),
        "aud": audience,
        "iat": issued,
        "exp": issued + ASSERTION_SECONDS,
        "jti": new_id(),
    }
    header = {"alg": ALGORITHM, "kid": key.thumbprint(), "typ": "JWT"}
    return jwt.encode(header, claims, key, algorithms=[ALGORITHM])


def _key() -> ECKey:
    path = key_file()
    if not path.exists():
        _make(path)
    return ECKey.import_key(path.read_bytes())


def _make(path: Path) -> None:
    pem = ECKey.generate_key(CURVE).as_pem(private=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent)  # readable by its owner only
    with os.fdopen(handle, "wb") as file:
        file.write(pem)
    try:
        # A link, not a rename: of two processes that begin together, the first one's key stays.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        Path(draft).unlink()
