"""allauth as this house uses it."""

import base64
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from accounts.models import User
from accounts.sessions import METHODS

# The page that follows says it already.
UNSAID = ("account/messages/logged_in.txt", "account/messages/logged_out.txt")


class StaffAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth is untyped
    """Staff are entered by an administrator; nobody signs up, and no mail is sent."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Never."""
        return False

    def send_mail(self, template_prefix: str, email: str, context: dict[str, object]) -> None:
        """Nothing: staff have no mail address here."""

    def send_notification_mail(self, *_args: Any, **_more: Any) -> None:
        """Nothing, as above."""

    def post_login(self, request: HttpRequest, user: User, **more: Any) -> HttpResponse:
        """Count a sign-in just now as fresh proof.

        What asks for fresh proof, such as the set-up
        of the second factor, then does not ask for the password twice in a row.
        """
        records = request.session.get(METHODS)
        if records:
            request.session[METHODS] = [*records[:-1], {**records[-1], "reauthenticated": True}]
        response: HttpResponse = super().post_login(request, user, **more)
        return response

    def add_message(
        self,
        request: HttpRequest,
        level: int,
        message_template: str | None = None,
        *more: Any,
        **named: Any,
    ) -> None:
        """allauth's messages, without those that the next page makes plain."""
        if message_template not in UNSAID:
            super().add_message(request, level, message_template, *more, **named)


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth is untyped
    """Secrets of authenticator apps and recovery codes are encrypted where they are stored."""

    def encrypt(self, text: str) -> str:
        """Encrypted with a key made from SECRET_KEY."""
        return _box().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Read with SECRET_KEY or one of SECRET_KEY_FALLBACKS."""
        return _box().decrypt(encrypted_text.encode()).decode()


def _box() -> MultiFernet:
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return MultiFernet([Fernet(_key(str(key))) for key in keys])


def _key(secret: str) -> bytes:
    derive = HKDF(hashes.SHA256(), 32, salt=None, info=b"tongzhen second factor")
    return base64.urlsafe_b64encode(derive.derive(secret.encode()))
