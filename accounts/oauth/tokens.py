"""Access tokens: signed, short-lived, and complete in themselves.

A read by a partner costs no look-up; in return a partner that is switched off keeps what it holds
for at most ``SECONDS``.
"""

from time import time

from django.core import signing

from accounts.models import Partner
from accounts.principals import system_of
from kernel.principal import Principal

SECONDS = 300
SALT = "accounts.oauth"
MOST_KNOWN = 1000

# What was verified once, and until when it holds: a token comes with every request.
_known: dict[str, tuple[float, Principal]] = {}


def issue(partner: Partner, scope: str) -> str:
    """A token for ``partner`` with the granted ``scope``."""
    says = {"o": partner.organization_id, "n": partner.name, "s": scope}
    return signing.dumps(says, salt=SALT)


def read(token: str) -> Principal | None:
    """The system that holds ``token``, or None when it is forged or over."""
    ends, known = _known.get(token, (0.0, None))
    if known is not None and time() < ends:
        return known
    try:
        says = signing.loads(token, salt=SALT, max_age=SECONDS)
    except signing.BadSignature:
        return None
    found = system_of(says["o"], says["s"].split(), name=says["n"])
    _remember(token, found)
    return found


def _remember(token: str, found: Principal) -> None:
    if len(_known) >= MOST_KNOWN:
        _known.clear()
    issued = signing.b62_decode(token.rsplit(":", 2)[1])
    _known[token] = (issued + SECONDS, found)
