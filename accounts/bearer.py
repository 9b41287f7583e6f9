"""Who asks at the FHIR door: a partner's system by token, a person by their session.

The door has no CSRF check, so a session opens it for reading only.
"""

from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest

from accounts.oauth import tokens
from accounts.sessions import principal_of
from kernel.principal import Principal

SAFE = ("GET", "HEAD", "OPTIONS")
SessionStore = import_module(settings.SESSION_ENGINE).SessionStore


def principal_from(request: HttpRequest) -> Principal | None:
    """The principal of this request, or None when it shows nothing that we accept.

    A request with an Authorization header is judged by that alone.
    """
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind:
        return tokens.read(token.strip()) if kind.lower() == "bearer" else None
    if request.method in SAFE and settings.SESSION_COOKIE_NAME in request.COOKIES:
        return _by_session(request)
    return None


def _by_session(request: Any) -> Principal | None:
    # This door's short chain of middleware has no session: it is opened here, and never written.
    request.session = SessionStore(request.COOKIES[settings.SESSION_COOKIE_NAME])
    return principal_of(request.session, get_user(request))
