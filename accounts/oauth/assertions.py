"""Authentication of a partner's system by a signed assertion (RFC 7523; SMART asymmetric)."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jws import extract_compact

from accounts.models import Partner, UsedAssertion
from accounts.oauth.errors import TokenError, invalid_client
from accounts.oauth.keys import keys_of
from kernel.clock import now

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS = ["RS384", "ES384"]
LONGEST_SECONDS = 300
CLOCKS_DIFFER_SECONDS = 10
LARGEST = 8 * 1024


def token_url() -> str:
    """The address that an assertion must be addressed to."""
    return f"{settings.PUBLIC_URL}/oauth/token"


def authenticate(assertion: str) -> Partner:
    """The partner that signed ``assertion``; the assertion is used up.

    Raises TokenError ``invalid_client``: unknown client or key, other algorithms than RS384 and
    ES384, wrong claims, longer than five minutes, or seen before.
    """
    client_id, kid = _said(assertion)
    partner = Partner.objects.filter(client_id=client_id, active=True).first()
    if partner is None:
        raise invalid_client("the assertion was not accepted")
    claims = _verified(assertion, partner, kid)
    expires = _check(claims, partner.client_id)
    _use_up(partner.client_id, str(claims["jti"]), expires)
    return partner


def _said(assertion: str) -> tuple[str, str]:
    """Client and key as the assertion names them, before anything is verified."""
    if not assertion or len(assertion) > LARGEST:
        raise TokenError("invalid_request", "client_assertion is missing or too long")
    try:
        said = extract_compact(assertion.encode())
        claims, kid = json.loads(said.payload), said.headers().get("kid")
    except (JoseError, ValueError):
        raise invalid_client("the assertion is not a signed JWT") from None
    issuer = claims.get("iss") if isinstance(claims, dict) else None
    if not isinstance(kid, str) or not isinstance(issuer, str):
        raise invalid_client("the assertion names no key (kid) or no issuer (iss)")
    if not issuer.isprintable() or not kid.isprintable():
        raise invalid_client("the assertion was not accepted")
    return issuer, kid


def _verified(assertion: str, partner: Partner, kid: str) -> Mapping[str, Any]:
    try:
        return jwt.decode(assertion, keys_of(partner, kid), algorithms=ALGORITHMS).claims
    except (JoseError, ValueError):
        raise invalid_client("the assertion was not accepted") from None


def _check(claims: Mapping[str, Any], client_id: str) -> datetime:
    """The moment at which the assertion expires. Raises TokenError for a claim that is wrong."""
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if claims.get("iss") != client_id or claims.get("sub") != client_id:
        raise invalid_client("iss and sub must both be the client_id")
    if token_url() not in audiences:
        raise invalid_client(f"aud must be {token_url()}")
    if not claims.get("jti") or not isinstance(claims["jti"], str):
        raise invalid_client("jti is missing")
    present = now().timestamp()
    expires = _moment(claims, "exp")
    if not present < expires <= present + LONGEST_SECONDS + CLOCKS_DIFFER_SECONDS:
        raise invalid_client("exp must lie in the next five minutes")
    for name in ("nbf", "iat"):
        if name in claims and _moment(claims, name) > present + CLOCKS_DIFFER_SECONDS:
            raise invalid_client(f"{name} lies in the future")
    return datetime.fromtimestamp(expires, UTC)


def _moment(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise invalid_client(f"{name} must be a number of seconds")
    return float(value)


def _use_up(client_id: str, jti: str, expires: datetime) -> None:
    UsedAssertion.objects.filter(expires_at__lt=now()).delete()
    # Any length of jti fits, and two servers cannot both accept it: the constraint decides.
    digest = hashlib.sha256(jti.encode()).hexdigest()
    try:
        with transaction.atomic():
            UsedAssertion.objects.create(client_id=client_id, jti=digest, expires_at=expires)
    except IntegrityError:
        raise invalid_client("the assertion was used before") from None
