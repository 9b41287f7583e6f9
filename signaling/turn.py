"""Credentials for the TURN relays, as coturn's ``use-auth-secret`` checks them."""

import base64
import hashlib
import hmac
import secrets
import time

from django.conf import settings

from signaling.protocol import Relay

LAST_SECONDS = 6 * 3600


def relays() -> tuple[Relay, ...]:
    """The relays for one participant; none when TURN_URLS is empty.

    The user name is drawn by lot: the relay's logs learn nothing about the person.
    """
    urls = tuple(settings.TURN_URLS)
    if not urls:
        return ()
    username = f"{int(time.time()) + LAST_SECONDS}:{secrets.token_hex(6)}"
    return (Relay(urls, username, credential(username, settings.TURN_SECRET)),)


def credential(username: str, secret: str) -> str:
    """base64(HMAC-SHA1(secret, username)), draft-uberti-behave-turn-rest-00 §2.2."""
    digest = hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()
