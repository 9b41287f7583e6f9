"""Doors of pages: who may come in, and what the others see.

``@staff_required("doctor", "nurse")`` and ``@patient_required`` stand on views; inside, the
request is a StaffRequest or a PatientRequest whose ``principal`` is never None.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from accounts.models import PatientAccount
from accounts.principals import patient_principal
from accounts.sessions import Staff
from kernel.principal import Principal

P = ParamSpec("P")


class StaffRequest(HttpRequest):
    """A request of a member of staff, wholly signed in, at a settled post."""

    principal: Principal
    staff: Staff


class PatientRequest(HttpRequest):
    """A request of a patient."""

    principal: Principal
    patient: PatientAccount


Door = Callable[Concatenate[HttpRequest, P], HttpResponseBase]
StaffView = Callable[Concatenate[StaffRequest, P], HttpResponseBase]
PatientView = Callable[Concatenate[PatientRequest, P], HttpResponseBase]


def staff_required(*roles: str) -> Callable[[StaffView[P]], Door[P]]:
    """Let in staff who hold any of ``roles`` (any member of staff when none is named).

    Not signed in: to the sign-in page and back. No second factor yet: to set one up. Several posts
    and none chosen: to the choice. Wrong role: a page with status 403.
    """

    def decorate(view: StaffView[P]) -> Door[P]:
        @wraps(view)
        def door(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            staff: Staff | None = getattr(request, "staff", None)
            if staff is None or staff.principal is None:
                return _elsewhere(request, _next_step(staff))
            if roles and not staff.principal.has(*roles):
                return forbidden(request)
            known = cast(StaffRequest, request)
            known.principal = staff.principal
            return view(known, *args, **kwargs)

        return door

    return decorate


def patient_required(view: PatientView[P]) -> Door[P]:
    """Let in the patient of this session; others see how to get a new link (status 401)."""

    @wraps(view)
    def door(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        account: PatientAccount | None = getattr(request, "patient", None)
        if account is None:
            return ask_for_a_link(request)
        known = cast(PatientRequest, request)
        known.principal = patient_principal(account)
        return view(known, *args, **kwargs)

    return door


def forbidden(request: HttpRequest) -> HttpResponse:
    """The page for somebody who is known but whose work this is not."""
    return render(request, "accounts/forbidden.html", status=403)


def ask_for_a_link(request: HttpRequest) -> HttpResponse:
    """The page for a patient whose link or time has run out."""
    return render(request, "accounts/ask_link.html", status=401)


def _next_step(staff: Staff | None) -> str:
    if staff is None:
        return "account_login"
    if not staff.proved:
        return "mfa_activate_totp"
    return "choose_post"


def _elsewhere(request: HttpRequest, name: str) -> HttpResponseBase:
    # A part of a page asked for by htmx must not be filled with a sign-in page: the browser goes
    # there as a whole, and back to the page that it shows, not to the part.
    part: Any = getattr(request, "htmx", None)
    back = part.current_url_abs_path if part else request.get_full_path()
    where = f"{reverse(name)}?{urlencode({'next': back or '/console/'})}"
    if part:
        return HttpResponse(status=401, headers={"HX-Redirect": where})
    return HttpResponseRedirect(where)
