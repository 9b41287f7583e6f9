"""The patient's door: the link says which visit, the session says that it is the patient."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache

from accounts.principals import patient_principal
from consult import queries
from consult.console.door import status_of, words_of
from consult.models import Visit
from kernel.errors import HouseError, Missing
from kernel.principal import Principal


@dataclass(frozen=True, slots=True)
class Coming:
    """Somebody with a link: ``principal`` is None until they have proved to be the patient."""

    visit: Visit
    token: str
    principal: Principal | None


View = Callable[..., HttpResponseBase]
"""(request, coming, and what the address holds)."""


def by_link(view: View) -> View:
    """Find the visit of the link; a link that is no good gets the page that says so (404)."""

    @never_cache
    @wraps(view)
    def door(request: HttpRequest, *, token: str, **held: str) -> HttpResponseBase:
        try:
            link = queries.link_of(token)
        except Missing:
            return render(request, "patient/end.html", {"page": queries.expired_page()}, status=404)
        coming = Coming(link.visit, token, proved(request, link.visit))
        try:
            return view(request, coming, **held)
        except HouseError as error:
            return refuse(request, token, error)

    return door


def by_patient(view: View) -> View:
    """Like ``by_link``, for who has proved to be the patient; others go back to the start."""

    @wraps(view)
    def inside(request: HttpRequest, coming: Coming, **held: str) -> HttpResponseBase:
        if coming.principal is None:
            return redirect("patient:visit", coming.token)
        return view(request, coming, **held)

    return by_link(inside)


def proved(request: Any, visit: Visit) -> Principal | None:
    """The patient of the visit, when this browser's session is theirs."""
    account = request.patient
    if account is None or account.reference != visit.patient:
        return None
    return patient_principal(account)


def refuse(request: HttpRequest, token: str, error: HouseError) -> HttpResponse:
    """What went wrong, in the patient's words, with a way back to the visit."""
    status = status_of(error)
    if "application/json" in request.headers.get("Accept", ""):
        return JsonResponse({"says": words_of(error)}, status=status)
    context = {"says": words_of(error), "token": token}
    return render(request, "patient/refusal.html", context, status=status)
