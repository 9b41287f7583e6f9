"""The console's door: who may come in, and what our few errors look like there."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _

from accounts.doors import StaffRequest, staff_required
from kernel.errors import Busy, Conflict, Forbidden, HouseError, Invalid, Missing, Refused

P = ParamSpec("P")
StaffView = Callable[Concatenate[StaffRequest, P], HttpResponseBase]
Door = Callable[Concatenate[HttpRequest, P], HttpResponseBase]

TABLES = ("visit: ", "referral: ", "order: ")
STATUS: dict[type[HouseError], int] = {
    Missing: 404,
    Forbidden: 403,
    Refused: 409,
    Conflict: 409,
    Invalid: 422,
    Busy: 503,
}


def status_of(error: HouseError) -> int:
    """The HTTP status of an error of the house."""
    return next(status for kind, status in STATUS.items() if isinstance(error, kind))


def words_of(error: HouseError) -> str:
    """The sentence for people."""
    if isinstance(error, Missing):
        return _("This is not here, or not yours to see.")
    if isinstance(error, Forbidden):
        return _("This is somebody else's work.")
    if isinstance(error, Invalid):
        return _("Something is still missing or wrong.")
    # The tables' own refusals name the table and the states: words for the log, not for people.
    if error.says.startswith(TABLES):
        return _("This is not possible any more. Somebody was faster; look again.")
    return error.says


def console(*roles: str) -> Callable[[StaffView[P]], Door[P]]:
    """Let in staff with any of ``roles``; turn what the view raises into a page or a toast."""

    def decorate(view: StaffView[P]) -> Door[P]:
        @wraps(view)
        def inside(request: StaffRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            try:
                return view(request, *args, **kwargs)
            except HouseError as error:
                return refuse(request, error)

        return staff_required(*roles)(inside)

    return decorate


def refuse(request: HttpRequest, error: HouseError) -> HttpResponse:
    """A toast where htmx asked, a page otherwise; with the error's status."""
    part = getattr(request, "htmx", None)
    template = "parts/_refusal.html" if part else "refused.html"
    return render(request, template, {"says": words_of(error)}, status=status_of(error))
