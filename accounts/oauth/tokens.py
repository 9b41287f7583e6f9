"""Access tokens: signed, short-lived, and complete in themselves.

A read by a partner costs no look-up; in return a partner that is switched off keeps what it holds
for at most ``SECONDS``.
"""

from django.core import signing

from accounts.models import Partner
from accounts.principals import system_of
from kernel.principal import Principal

SECONDS = 300
SALT = "accounts.oauth"


def issue(partner: Partner, scope: str) -> str:
    """A token for ``partner`` with the granted ``scope``."""
    says = {"o": partner.organization_id, "n": partner.name, "s": scope}
    return signing.dumps(says, salt=SALT)


def read(token: str) -> Principal | None:
    """The system that holds ``token``, or None when it is forged or over."""
    try:
        says = signing.loads(token, salt=SALT, max_age=SECONDS)
    except signing.BadSignature:
        return None
    return system_of(says["o"], says["s"].split(), name=says["n"])
