"""Sign-in of staff, where it is ours: the second factor's set-up, the choice of a post."""

from typing import Any, cast

from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.totp.views import ActivateTOTPView
from django.conf import settings
from django.contrib.auth import login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import demo
from accounts.models import User
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


@require_GET
def keep_second_factor(request: HttpRequest) -> HttpResponse:
    """Stands where allauth would switch the second factor off: staff always have one."""
    return redirect("mfa_index")


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
        return redirect(_onward(request))
    context = {"posts": staff.posts, "next": _onward(request)}
    return render(request, "accounts/choose_post.html", context)


@require_POST
def demo_entry(request: HttpRequest) -> HttpResponse:
    """In the demo, sign in wholly as one of the seeded people."""
    username = request.POST.get("username", "")
    if username not in {person.username for person in demo.people().staff}:
        raise Http404
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None:
        raise Http404
    login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    request.session.cycle_key()
    record_authentication(request, user, "mfa", type="totp", demo=True)
    return redirect(HOME)


def _onward(request: HttpRequest) -> str:
    """Where to go on to: an address of this service, never another's."""
    asked = request.POST.get("next") or request.GET.get("next") or ""
    if url_has_allowed_host_and_scheme(asked, {request.get_host()}, request.is_secure()):
        return asked
    return HOME
