"""Three small pages behind the doors, for the tests of the doors."""

from django.http import HttpResponse
from django.urls import path

from accounts.doors import PatientRequest, StaffRequest, patient_required, staff_required
from config.urls import urlpatterns as real


@staff_required("doctor", "nurse")
def ward(request: StaffRequest) -> HttpResponse:
    return HttpResponse(f"{request.principal.reference} {request.principal.institution}")


@staff_required()
def canteen(request: StaffRequest) -> HttpResponse:
    return HttpResponse(request.principal.name)


@patient_required
def bedside(request: PatientRequest) -> HttpResponse:
    return HttpResponse(request.principal.reference)


urlpatterns = [
    path("ward/", ward),
    path("canteen/", canteen),
    path("bedside/", bedside),
    *real,
]
