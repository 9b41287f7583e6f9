"""The patient's pages of one visit: whose, what, do, show."""

import re

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from accounts import messages
from accounts import queries as directory
from accounts import services as accounts
from consult import queries, services
from consult.models import Visit
from consult.patient.door import Coming, by_link, by_patient
from kernel.errors import Busy, HouseError, Missing, Refused
from kernel.principal import Principal

CALL = ("called", "in_progress")
SUMMARY = ("wrap_up", "completed")


@require_GET
@by_link
def visit(request: HttpRequest, coming: Coming) -> HttpResponseBase:
    """Where the patient stands: the next step to do, the waiting room, the end."""
    found = coming.visit
    step = queries.step_of(found, proved=coming.principal is not None)
    if coming.principal is None or step == "identity":
        return start(request, coming)
    if found.state in SUMMARY:
        page = queries.summary_page(found, coming.principal)
        return render(request, "patient/summary.html", {"page": page})
    if found.workflow.is_final(found.state):
        return render(request, "patient/end.html", {"page": queries.end_page(found)})
    if step is not None and found.state == "booked":
        return start(request, coming)
    return waiting_room(request, coming, coming.principal)


@require_POST
@by_link
def send_code(request: HttpRequest, coming: Coming) -> HttpResponseBase:
    """Send a code to the patient's telephone."""
    account = directory.patient_account(coming.visit.patient.rpartition("/")[2])
    try:
        accounts.send_code(account)
    except Busy as error:
        return start(request, coming, sent=True, error=error.says, status=429)
    return start(request, coming, sent=True)


@require_POST
@by_link
def check_code(request: HttpRequest, coming: Coming) -> HttpResponseBase:
    """Let the patient in who knows the code."""
    account = directory.patient_account(coming.visit.patient.rpartition("/")[2])
    try:
        accounts.check_code(account, request.POST.get("code", ""))
    except (Refused, Busy) as error:
        return start(request, coming, sent=True, error=error.says, status=422)
    accounts.sign_in_patient(request, account)
    services.identify(coming.visit, by=_principal(account.reference, account.name))
    return redirect("patient:visit", coming.token)


@require_POST
@by_patient
def consent(request: HttpRequest, coming: Coming) -> HttpResponseBase:
    """Keep that the patient agrees to what was shown."""
    services.give_consent(coming.visit, by=_patient(coming))
    return redirect("patient:visit", coming.token)


@require_POST
@by_patient
def device(request: HttpRequest, coming: Coming) -> HttpResponseBase:
    """Keep how the test of camera and microphone went, and take a place when nothing lacks."""
    works = all(request.POST.get(part) == "yes" for part in ("camera", "microphone"))
    found = services.check_devices(coming.visit, works=works, by=_patient(coming))
    _arrive(found, _patient(coming))
    return redirect("patient:visit", coming.token)


@require_POST
@by_patient
def pay(request: HttpRequest, coming: Coming) -> HttpResponseBase:
    """Send the browser to the gateway's page."""
    back = reverse("patient:returned", args=(coming.visit.public_id,))
    try:
        url = services.start_payment(
            coming.visit,
            gateway=request.POST.get("gateway", "wechat"),
            client_ip=request.META.get("REMOTE_ADDR", ""),
            return_url=back,
            by=_patient(coming),
        )
    except (Refused, Busy) as error:
        return start(request, coming, error=error.says, status=409)
    # The gateway's page is no page of ours: form-action would stop a redirect of this form.
    return render(request, "patient/leave.html", {"url": url, "token": coming.token})


@by_patient
def paid(request: HttpRequest, coming: Coming) -> HttpResponseBase:
    """Back from the gateway: what it says itself counts, not that the browser came back."""
    try:
        services.collect(coming.visit, by=_patient(coming))
    except Busy:
        return start(request, coming, status=503)
    _arrive(coming.visit, _patient(coming))
    return redirect("patient:visit", coming.token)


@require_POST
@by_patient
def act(request: HttpRequest, coming: Coming, name: str) -> HttpResponseBase:
    """Take a place, or give the visit up."""
    if name == "check_in":
        services.check_in(coming.visit, by=_patient(coming))
    elif name == "cancel_by_patient":
        services.cancel(coming.visit, by=_patient(coming))
    else:
        raise Missing("no such act")
    return redirect("patient:visit", coming.token)


@require_GET
@by_patient
def call(request: HttpRequest, coming: Coming) -> HttpResponseBase:
    """The call; who comes when none is on is shown where they stand."""
    if coming.visit.state not in CALL:
        return redirect("patient:visit", coming.token)
    page = queries.call_page(coming.visit, coming.token, _patient(coming))
    return render(request, "patient/call.html", {"page": page})


@require_POST
@by_patient
def ticket(request: HttpRequest, coming: Coming) -> HttpResponseBase:
    """A fresh ticket for the room; the rules of admission are asked each time."""
    admission = services.admit(coming.visit, by=_patient(coming))
    return JsonResponse({"room": admission.room, "ticket": admission.ticket})


def start(
    request: HttpRequest,
    coming: Coming,
    *,
    sent: bool = False,
    error: str = "",
    status: int = 200,
) -> HttpResponse:
    """The step that is to be done now."""
    step = queries.step_of(coming.visit, proved=coming.principal is not None) or "pay"
    page = queries.start_page(
        coming.visit,
        coming.token,
        step,
        sent=sent,
        demo_code=_demo_code(coming.visit) if sent else "",
        error=error,
        name=coming.principal.name if coming.principal else "",
    )
    return render(request, "patient/start.html", {"page": page}, status=status)


def waiting_room(request: HttpRequest, coming: Coming, patient: Principal) -> HttpResponse:
    """The waiting room, also while the doctor calls."""
    page = queries.wait_page(coming.visit, coming.token, patient)
    return render(request, "patient/wait.html", {"page": page})


def _arrive(found: Visit, patient: Principal) -> None:
    """Take the place without another button; too early simply means that the button stays."""
    if queries.step_of(found, proved=True) is None and found.state == "booked":
        try:
            services.check_in(found, by=patient)
        except HouseError:
            return


def _patient(coming: Coming) -> Principal:
    if coming.principal is None:
        raise Missing("no patient")
    return coming.principal


def _principal(reference: str, name: str) -> Principal:
    return Principal(reference=reference, roles=frozenset({"patient"}), name=name)


def _demo_code(found: Visit) -> str:
    """What a demonstration shows, since it sends no messages."""
    account = directory.patient_account(found.patient.rpartition("/")[2])
    texts = [m.text for m in messages.shown_in_demo(account.phone) if m.kind == "sign-in-code"]
    digits = re.search(r"\d{6}", texts[0]) if texts else None
    return digits.group() if digits else ""
