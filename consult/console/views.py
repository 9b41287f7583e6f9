"""Pages of the board and of a visit: whose, what, do, show."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts.doors import StaffRequest
from consult import queries, services
from consult.console import parts
from consult.console.door import console, refuse
from consult.models import Note, Visit
from consult.pages import FieldError
from kernel.errors import Conflict, HouseError, Invalid, Missing, Refused
from kernel.principal import Principal
from records import audit

CLINICAL = ("doctor", "nurse")


@require_GET
@console(*CLINICAL, "cashier", "admin", "auditor")
def board(request: StaffRequest) -> HttpResponseBase:
    """The board; who sees no patients starts at the bills."""
    if not request.principal.has(*CLINICAL):
        return redirect("console:bills")
    page = queries.board_page(request.principal, everyone="all" in request.GET)
    return show(request, "console/board.html", page, key="board")


@require_GET
@console(*CLINICAL)
def visit(request: StaffRequest, visit_id: str) -> HttpResponseBase:
    """One visit."""
    found = queries.visit_for(request.principal, visit_id)
    return show_visit(request, found)


@require_POST
@console(*CLINICAL, "admin")
def act(request: StaffRequest, visit_id: str, name: str) -> HttpResponseBase:
    """Do a transition of the visit's table."""
    found = queries.visit_for(request.principal, visit_id)
    if name not in ACTS:
        raise Missing("no such act")
    try:
        found = ACTS[name](found, request)
    except (Refused, Conflict, Invalid) as error:
        return refused(request, found, error)
    if is_part(request):
        return HttpResponse(parts.visit(request.principal, found))
    return redirect("console:visit", visit_id)


@require_POST
@console("doctor")
def ticket(request: StaffRequest, visit_id: str) -> HttpResponseBase:
    """A fresh ticket for the room; the rules of admission are asked each time."""
    found = queries.visit_for(request.principal, visit_id)
    admission = services.admit(found, by=request.principal)
    return JsonResponse({"room": admission.room, "ticket": admission.ticket})


@require_POST
@console("doctor")
def save_note(request: StaffRequest, visit_id: str) -> HttpResponseBase:
    """Save the draft while it is typed."""
    found = queries.visit_for(request.principal, visit_id)
    texts = {part: request.POST[part] for part in Note.PARTS if part in request.POST}
    try:
        version = int(request.POST.get("version", ""))
        services.save_note(found, texts=texts, version=version, by=request.principal)
    except ValueError:
        raise Invalid("version", "must be a number") from None
    except Conflict as error:
        body = parts.note(request.principal, found, conflict=error.says)
        return HttpResponse(body, status=409)
    return HttpResponse(parts.note(request.principal, found))


@require_GET
@console(*CLINICAL)
def diagnoses(request: StaffRequest) -> HttpResponseBase:
    """Answers of the diagnosis search."""
    words = request.GET.get("q", "")[:60]
    context = {"hits": queries.hits(words), "query": words}
    return render(request, "console/_dx_hits.html", context)


@require_POST
@console("doctor")
def diagnose(request: StaffRequest, visit_id: str) -> HttpResponseBase:
    """Put a diagnosis on the draft."""
    found = queries.visit_for(request.principal, visit_id)
    services.add_diagnosis(found, code=request.POST.get("code", ""), by=request.principal)
    return HttpResponse(parts.note(request.principal, found))


@require_POST
@console("doctor")
def undiagnose(request: StaffRequest, visit_id: str, code: str) -> HttpResponseBase:
    """Take a diagnosis off the draft."""
    found = queries.visit_for(request.principal, visit_id)
    services.remove_diagnosis(found, code=code, by=request.principal)
    return HttpResponse(parts.note(request.principal, found))


@require_POST
@console("doctor")
def refer(request: StaffRequest, visit_id: str) -> HttpResponseBase:
    """Send the visit's patient on; the dialog comes back with what is wrong."""
    found = queries.visit_for(request.principal, visit_id)
    fields = ("to", "urgency", "purpose", "reason", "summary")
    values = {field: request.POST.get(field, "") for field in fields}
    try:
        services.request_referral(found, **values, by=request.principal)
    except (Invalid, Refused) as error:
        form = queries.refer_form(found, values=values, errors=field_errors(error))
        return render(request, "console/_refer.html", {"form": form}, status=422)
    if is_part(request):  # the call may be on: the page stays, the dialog closes
        return HttpResponse(status=204, headers={"HX-Trigger": "referred"})
    return redirect("console:visit", visit_id)


def show(
    request: StaffRequest,
    template: str,
    page: object,
    *,
    key: str,
    socket: str = "",
    status: int = 200,
) -> HttpResponse:
    """A whole page in the console's frame."""
    shell = queries.shell(
        request.staff, request.principal, key=key, title=queries.titles()[key], socket=socket
    )
    return render(request, template, {"shell": shell, "page": page}, status=status)


def show_visit(request: StaffRequest, found: Visit, *, status: int = 200) -> HttpResponse:
    """The page of a visit."""
    audit.opened(request.principal, found.patient, keeper=found.institution)
    page = queries.visit_page(request.principal, found)
    socket = f"/ws/console/visits/{found.public_id}/"
    return show(request, "console/visit.html", page, key="visit", socket=socket, status=status)


def refused(request: StaffRequest, found: Visit, error: HouseError) -> HttpResponse:
    """The visit as it now is, with the sentence that says why nothing was done."""
    answer = refuse(request, error)
    if is_part(request):
        fresh = queries.visit_for(request.principal, found.public_id)
        answer.content = answer.content + parts.visit(request.principal, fresh).encode()
    return answer


def is_part(request: HttpRequest) -> bool:
    """True when htmx asks for parts of a page."""
    return bool(getattr(request, "htmx", None))


def field_errors(error: HouseError) -> list[FieldError]:
    """What is wrong, field by field."""
    if isinstance(error, Invalid):
        return [FieldError(path, says) for path, says in error.issues]
    return [FieldError("to", error.says)]


def _sign(found: Visit, request: StaffRequest) -> Visit:
    try:
        return services.sign(found, by=request.principal)
    except Invalid as error:
        words = queries.check_words()
        lacking = "、".join(words.get(path, path) for path, _says in error.issues)
        raise Refused(_("Before signing: %(what)s") % {"what": lacking}) from error


def _cancel(found: Visit, request: StaffRequest) -> Visit:
    reason = request.POST.get("reason", "doctor-away")
    return services.cancel(found, reason=reason, by=request.principal)


def _decline(found: Visit, request: StaffRequest) -> Visit:
    reason = request.POST.get("reason", "examination")
    return services.decline_online(found, reason=reason, by=request.principal)


def _plain(service: Callable[..., Visit]) -> Callable[[Visit, StaffRequest], Visit]:
    def do(found: Visit, request: StaffRequest) -> Visit:
        by: Principal = request.principal
        return service(found, by=by)

    return do


ACTS: dict[str, Callable[[Visit, StaffRequest], Visit]] = {
    "check_in": _plain(services.check_in),
    "call_in": _plain(services.call_in),
    "take_back": _plain(services.take_back),
    "end_call": _plain(services.end_call),
    "complete": _sign,
    "patient_absent": _plain(services.patient_absent),
    "decline_online": _decline,
    "cancel_by_clinic": _cancel,
}
