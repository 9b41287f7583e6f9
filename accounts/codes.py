"""Proof of a patient: a six-digit code sent to their phone.

It is short, so what counts are the limits: five tries a code, one code a minute and six an hour
for a phone.
"""

import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _

from accounts import messages
from accounts.models import PatientAccount, PatientCode
from kernel.clock import now
from kernel.errors import Busy, Refused

CODE_LIVES = timedelta(minutes=5)
CODE_TRIES = 5
BETWEEN_CODES = timedelta(seconds=60)
HOUR = timedelta(hours=1)
CODES_AN_HOUR = 6


def send(phone: str) -> datetime:
    """Send a code to ``phone`` and return when it ends.

    An unknown phone takes the same way, only that nothing is sent, so an answer tells nobody who
    is a patient here. Raises Busy when asked too often.
    """
    present, code = now(), f"{secrets.randbelow(1_000_000):06d}"
    with transaction.atomic():
        _hold_back(phone, present)
        row = PatientCode.objects.create(
            phone=phone, digest=_digest(phone, code), expires_at=present + CODE_LIVES
        )
    if PatientAccount.objects.filter(phone=phone, active=True).exists():
        text = _("Tongzhen: your code is %(code)s. It is good for five minutes.") % {"code": code}
        messages.send(phone, text, kind="sign-in-code")
    return row.expires_at


def check(phone: str, code: str) -> None:
    """Use up the latest code of ``phone``. Raises Refused when wrong, Busy after five tries."""
    with transaction.atomic():
        row = _latest(phone)
        if row is None:
            raise Refused(_("This code is over. Ask for a new one."))
        right = constant_time_compare(row.digest, _digest(phone, code.strip()))
        row.tries += 1
        row.used_at = now() if right or row.tries >= CODE_TRIES else None
        row.save(update_fields=["tries", "used_at"])
    # Refused only after the try is on the books: an exception inside would undo the count.
    if not right:
        _say_wrong(left=CODE_TRIES - row.tries)


def _say_wrong(*, left: int) -> None:
    if left <= 0:
        raise Busy(_("Too many tries. Ask for a new code."), retry_after=60)
    raise Refused(_("That is not right. Look again."))


def _hold_back(phone: str, present: datetime) -> None:
    # Whose phone it is, is locked (a first code has no row yet), so that of requests at once one
    # passes the limit. To a phone that is nobody's nothing is sent.
    list(PatientAccount.objects.select_for_update().filter(phone=phone).order_by("pk"))
    PatientCode.objects.filter(sent_at__lt=present - HOUR).delete()
    sent = list(PatientCode.objects.filter(phone=phone).order_by("-id"))
    if len(sent) >= CODES_AN_HOUR:
        raise Busy(_("Too many codes."), retry_after=_seconds(sent[-1].sent_at + HOUR))
    if sent and sent[0].sent_at > present - BETWEEN_CODES:
        raise Busy(
            _("A code was just sent."), retry_after=_seconds(sent[0].sent_at + BETWEEN_CODES)
        )


def _latest(phone: str) -> PatientCode | None:
    codes = PatientCode.objects.select_for_update().filter(phone=phone)
    row = codes.order_by("-id").first()
    return row if row and row.used_at is None and row.expires_at > now() else None


def _digest(phone: str, code: str) -> str:
    return salted_hmac("accounts.codes", f"{phone} {code}", algorithm="sha256").hexdigest()


def _seconds(until: datetime) -> int:
    return max(1, int((until - now()).total_seconds()))
