"""A partner's public keys: kept inline, or fetched from its JWKS address."""

import ipaddress
import socket
from typing import Any
from urllib.parse import urlsplit

import httpx
from django.conf import settings
from django.core.cache import cache
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from accounts.models import Partner
from accounts.oauth.errors import invalid_client

KEPT_SECONDS = 300
REFETCH_SECONDS = 30
LARGEST = 64 * 1024
TIMEOUT = httpx.Timeout(5.0)


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
    try:
        address, headers, extensions = _pinned(url)
        # Our own proxies are not for a partner's address: the pinned address is what is asked.
        with (
            httpx.Client(timeout=TIMEOUT, trust_env=False) as client,
            client.stream("GET", address, headers=headers, extensions=extensions) as answer,
        ):
            return _json(answer)
    except (httpx.HTTPError, OSError, ValueError):
        raise invalid_client("the key set cannot be fetched") from None


def _json(answer: httpx.Response) -> Any:
    body = b""
    for part in answer.iter_bytes():
        body += part
        if len(body) > LARGEST:
            raise ValueError("too large")
    found = httpx.Response(answer.status_code, content=body).json()
    if answer.status_code != 200 or not isinstance(found, dict):
        raise ValueError("not a key set")
    return found


def _pinned(url: str) -> tuple[str, dict[str, str], dict[str, Any]]:
    # The name is resolved once and the connection goes to that very address: a name that points
    # elsewhere at the second look (DNS rebinding) gains nothing.
    parts = urlsplit(url)
    host, private = parts.hostname or "", settings.PARTNER_PRIVATE_NETWORKS
    if parts.scheme != "https" and not private:
        raise ValueError("https only")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0]
    if not private and not ipaddress.ip_address(address).is_global:
        raise ValueError("private network")
    place = f"[{address}]" if ":" in str(address) else address
    where = parts._replace(netloc=f"{place}:{port}").geturl()
    return where, {"Host": parts.netloc}, {"sni_hostname": host}
