"""A partner's public keys: kept inline, or fetched from its JWKS address."""

import json
from typing import Any

from django.conf import settings
from django.core.cache import cache
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from accounts.models import Partner
from accounts.oauth.errors import invalid_client
from kernel import outside

KEPT_SECONDS = 300
REFETCH_SECONDS = 30
LARGEST = 64 * 1024
SECONDS = 5.0


def keys_of(partner: Partner, kid: str) -> KeySet:
    """The key set of ``partner``, fetched anew when ``kid`` is not in the copy that we keep.

    Raises TokenError ``invalid_client``.
    """
    return _key_set(partner.jwks or _fetched(partner, kid))


def _key_set(found: Any) -> KeySet:
    try:
        return KeySet.import_key_set(found)
    except (JoseError, KeyError, TypeError, ValueError):
        raise invalid_client("the registered key set cannot be read") from None


def _fetched(partner: Partner, kid: str) -> Any:
    kept = cache.get(f"jwks:{partner.client_id}")
    if kept and (_knows(kept, kid) or not _may_refetch(partner)):
        return kept
    if not partner.jwks_url:
        raise invalid_client("no key is registered")
    found = fetch(partner.jwks_url)
    cache.set(f"jwks:{partner.client_id}", found, KEPT_SECONDS)
    return found


def _knows(key_set: Any, kid: str) -> bool:
    return any(key.get("kid") == kid for key in key_set.get("keys", ()))


def _may_refetch(partner: Partner) -> bool:
    """Once in half a minute: a stranger's made-up ``kid`` must not make us knock all the time."""
    return cache.add(f"jwks-asked:{partner.client_id}", 1, REFETCH_SECONDS)


def fetch(url: str) -> Any:
    """The JSON at ``url``: no redirects, no private networks unless allowed, at most 64 KiB.

    Raises TokenError ``invalid_client``.
    """
    private = settings.PARTNER_PRIVATE_NETWORKS
    try:
        answer = outside.call("GET", url, private=private, seconds=SECONDS, most=LARGEST)
        found = json.loads(answer.body) if answer.status == 200 else None
    except (outside.OutsideError, ValueError):
        found = None
    if not isinstance(found, dict):
        raise invalid_client("the key set cannot be fetched")
    return found
