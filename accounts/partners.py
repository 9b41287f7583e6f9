"""Registers partner hospitals' systems: checked when entered, not when their first token fails."""

import re
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey

from accounts.models import Partner
from accounts.oauth import scopes
from accounts.oauth.errors import TokenError
from kernel.errors import Invalid, Missing
from kernel.principal import SYSTEM
from records import store

Json = dict[str, Any]
ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
SECRET = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
SHORTEST_RSA = 2048


def register(organization_id: str, **facts: Any) -> Partner:
    """The partner's row, new or changed by ``facts`` (columns of ``Partner``).

    A new partner gets its FHIR Organization, too. Raises Invalid naming the column.
    """
    with transaction.atomic():
        partner = Partner.objects.filter(organization_id=organization_id).first()
        partner = partner or Partner(organization_id=organization_id, name=organization_id)
        for column, value in facts.items():
            setattr(partner, column, value)
        check(partner)
        partner.save()
        _write_organization(partner)
    return partner


def check(partner: Partner) -> None:
    """Raise Invalid, naming the column, for what could never work or would not be safe."""
    if not ID.fullmatch(partner.organization_id):
        raise Invalid("organization_id", "is 1 to 64 letters, digits, '-' and '.'")
    if not partner.client_id or not partner.client_id.isprintable():
        raise Invalid("client_id", "is missing")
    others = Partner.objects.filter(client_id=partner.client_id)
    if others.exclude(organization_id=partner.organization_id).exists():
        raise Invalid("client_id", "is another partner's")
    if partner.jwks:
        _check_keys(partner.jwks)
    for column in ("jwks_url", "fhir_base"):
        _check_address(column, getattr(partner, column))
    if not partner.jwks and not partner.jwks_url:
        raise Invalid("jwks", "give the public keys, or the address where they are")
    try:
        if not scopes.parse(partner.scopes):
            raise Invalid("scopes", "are missing")
    except TokenError as error:
        raise Invalid("scopes", error.says) from None


def _check_keys(jwks: Any) -> None:
    keys = jwks.get("keys") if isinstance(jwks, dict) else None
    if not isinstance(keys, list) or not keys:
        raise Invalid("jwks", 'must look like {"keys": [...]}')
    seen: set[str] = set()
    for place, key in enumerate(keys):
        where = f"jwks.keys[{place}]"
        if not isinstance(key, dict) or not isinstance(key.get("kid"), str) or not key["kid"]:
            raise Invalid(f"{where}.kid", "is missing")
        if key["kid"] in seen:
            raise Invalid(f"{where}.kid", "is there twice")
        seen.add(key["kid"])
        if SECRET & key.keys():
            raise Invalid(where, "is a private key: the partner must draw a new one")
        _check_key(key, where)


def _check_key(key: Json, where: str) -> None:
    try:
        [found] = KeySet.import_key_set({"keys": [key]}).keys
    except (JoseError, KeyError, TypeError, ValueError):
        raise Invalid(where, "cannot be read") from None
    large = isinstance(found, RSAKey) and found.raw_value.key_size >= SHORTEST_RSA
    if not large and not (isinstance(found, ECKey) and found.curve_name == "P-384"):
        raise Invalid(where, f"must be RSA of {SHORTEST_RSA} bits (RS384) or EC P-384 (ES384)")


def _check_address(column: str, address: str) -> None:
    parts = urlsplit(address)
    schemes = ("https", "http") if settings.PARTNER_PRIVATE_NETWORKS else ("https",)
    if address and (parts.scheme not in schemes or not parts.hostname):
        raise Invalid(column, f"must look like {schemes[0]}://host")


def _write_organization(partner: Partner) -> None:
    try:
        store.read("Organization", partner.organization_id, by=SYSTEM)
    except Missing:
        body = {"resourceType": "Organization", "active": True, "name": partner.name}
        id_ = partner.organization_id
        store.update("Organization", id_, body, by=SYSTEM, institution=id_)


def switch(organization_id: str, *, active: bool) -> None:
    """Let a partner in, or no more; tokens that it holds end within five minutes.

    Raises Missing.
    """
    if not Partner.objects.filter(organization_id=organization_id).update(active=active):
        raise Missing("there is no such partner")
