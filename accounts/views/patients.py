"""Patients come to their own pages without a link: phone, code, and whose phone it is."""

from typing import cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts import messages, services
from accounts.models import PatientAccount
from kernel.errors import Busy, HouseError

PHONE = "patient_phone"
PROVED = "patient_phone_proved"
HOME = "/me/"


@never_cache
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Ask for the phone number and send a code to it."""
    if request.method == "GET":
        return render(request, "accounts/patient/phone.html")
    phone = "".join(filter(str.isdigit, request.POST.get("phone", "")))[-11:]
    if len(phone) < 11:
        return _again(request, "phone", _("A mobile number has 11 digits."), phone=phone)
    try:
        services.link_code(phone)
    except Busy as busy:
        return _again(request, "phone", _in_words(busy), phone=phone)
    request.session[PHONE] = phone
    return redirect("patient_code")


@never_cache
@require_http_methods(["GET", "POST"])
def code(request: HttpRequest) -> HttpResponse:
    """Ask for the code and let the patient in."""
    phone = request.session.get(PHONE)
    if not phone:
        return redirect("patient_sign_in")
    if request.method == "GET":
        return _again(request, "code", "", shown=messages.shown_in_demo(phone)[:1])
    try:
        accounts = services.check_phone_code(phone, request.POST.get("code", ""))
    except HouseError as error:
        return _again(request, "code", _in_words(error))
    del request.session[PHONE]
    if len(accounts) == 1:
        return _let_in(request, accounts[0])
    request.session.cycle_key()
    request.session[PROVED] = [account.fhir_id for account in accounts]
    return redirect("patient_choice")


@never_cache
@require_http_methods(["GET", "POST"])
def choice(request: HttpRequest) -> HttpResponse:
    """A family shares a phone: whose pages are to be opened?"""
    proved = cast(list[str], request.session.get(PROVED, []))
    accounts = PatientAccount.objects.filter(fhir_id__in=proved, active=True)
    if not accounts:
        return redirect("patient_sign_in")
    chosen = accounts.filter(fhir_id=request.POST.get("account")).first()
    if chosen is None:
        return render(request, "accounts/patient/choose.html", {"accounts": accounts})
    del request.session[PROVED]
    return _let_in(request, chosen)


def _let_in(request: HttpRequest, account: PatientAccount) -> HttpResponse:
    services.sign_in_patient(request, account)
    return redirect(HOME)


def _again(request: HttpRequest, page: str, says: str, **more: object) -> HttpResponse:
    context = {"says": says, **more}
    template = f"accounts/patient/{page}.html"
    return render(request, template, context, status=422 if says else 200)


def _in_words(error: HouseError) -> str:
    if isinstance(error, Busy):
        minutes = max(1, round(error.retry_after / 60))
        return _("%(why)s Try again in %(n)d min.") % {"why": error.says, "n": minutes}
    return error.says
