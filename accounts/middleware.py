"""Gives each request its Principal."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils.cache import add_never_cache_headers

from accounts.doors import forbidden
from accounts.principals import patient_principal
from accounts.sessions import patient_of, staff_of


class PrincipalMiddleware:
    """Sets ``request.staff``, ``request.patient`` and ``request.principal``.

    ``principal`` is that of the member of staff when one is wholly signed in, else the patient's,
    else None. The doors (``accounts.doors``) choose between the two where both are present.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> HttpResponse:
        """Django's middleware protocol."""
        request.staff = request.patient = request.principal = None
        # A visitor without a session costs no query, and gets no Vary: Cookie.
        if request.COOKIES:
            request.staff = staff_of(request.session, request.user)
            request.patient = patient_of(request.session)
            request.principal = _principal(request)
        response = self.get_response(request)
        # Nobody finds on a shared computer what the person before them saw.
        if request.principal and not response.has_header("Cache-Control"):
            add_never_cache_headers(response)
        return response

    def process_view(self, request: Any, *_view: Any) -> HttpResponseBase | None:
        """Keep /admin/ behind the same sign-in as the console, second factor included."""
        if request.resolver_match.app_name != "admin":
            return None
        if request.staff and not request.staff.proved:
            return redirect("mfa_activate_totp")
        if request.staff is None:
            return redirect("account_login")
        return None if request.staff.user.is_superuser else forbidden(request)


def _principal(request: Any) -> Any:
    if request.staff and request.staff.principal:
        return request.staff.principal
    return patient_principal(request.patient) if request.patient else None
