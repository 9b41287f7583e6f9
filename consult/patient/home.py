"""The patient's own pages, for who signed in by telephone or came by a link."""

from django.http import Http404, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.doors import PatientRequest, patient_required
from consult import queries, services
from consult.models import Visit
from kernel.errors import Missing


@require_GET
@never_cache
@patient_required
def home(request: PatientRequest) -> HttpResponseBase:
    """Every visit of the patient."""
    page = queries.home_page(request.patient, request.principal)
    return render(request, "patient/me.html", {"page": page})


@require_POST
@patient_required
def open_visit(request: PatientRequest, visit_id: str) -> HttpResponseBase:
    """To the page of one visit, by a fresh link."""
    visit = _own(request, visit_id)
    # Signing in by telephone took the same proof that the link's first step asks for.
    services.identify(visit, by=request.principal)
    return redirect(services.new_link(visit))


@require_GET
@never_cache
@patient_required
def paid(request: PatientRequest, visit_id: str) -> HttpResponseBase:
    """Back from the gateway: the address that it was told is no permission, as the link is."""
    return redirect(f"{services.new_link(_own(request, visit_id))}paid")


def _own(request: PatientRequest, visit_id: str) -> Visit:
    try:
        return queries.own_visit(request.principal, visit_id)
    except Missing:
        raise Http404 from None
