"""Pages of sign-in that are ours: the second factor's set-up and the choice of a post."""

from typing import Any, cast

from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.totp.views import ActivateTOTPView
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods

from accounts.sessions import POST, Staff

HOME = "/console/"


class ActivateSecondFactor(ActivateTOTPView):  # type: ignore[misc]  # allauth is untyped
    """allauth's page; whoever has just shown a first code need not show another in this session."""

    def form_valid(self, form: Any) -> HttpResponse:
        """Keep the secret and remember that it was proved."""
        response: HttpResponse = super().form_valid(form)
        record_authentication(self.request, self.request.user, "mfa", type="totp")
        return response


activate_totp = ActivateSecondFactor.as_view()


@require_http_methods(["GET", "POST"])
def choose_post(request: HttpRequest) -> HttpResponseBase:
    """Choose the institution to work for, when there are several."""
    staff = cast(Staff | None, getattr(request, "staff", None))
    if staff is None or not staff.proved:
        return redirect("account_login")
    known = {post.public_id for post in staff.posts}
    chosen = request.POST.get("post", "")
    if chosen in known:
        request.session[POST] = chosen
        return redirect(safe_next(request))
    context = {"posts": staff.posts, "next": safe_next(request)}
    return render(request, "accounts/choose_post.html", context)


def safe_next(request: HttpRequest) -> str:
    """Where to go on to: an address of this service, never another's."""
    asked = request.POST.get("next") or request.GET.get("next") or ""
    if url_has_allowed_host_and_scheme(asked, {request.get_host()}, request.is_secure()):
        return asked
    return HOME
