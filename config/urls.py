"""Addresses of the service (docs: README, "Addresses")."""

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from config import health

urlpatterns = [
    path("", RedirectView.as_view(url="/console/")),
    path("healthz", health.alive),
    path("readyz", health.ready),
    path("metrics", health.metrics),
    # A transaction is posted to the base, which clients write with and without a slash.
    re_path(r"^fhir(?:/|$)", include("records.api.urls")),
    path("exchange/", include("referrals.urls")),
    path("oauth/", include("accounts.oauth_urls")),
    path("accounts/", include("accounts.urls")),
    path("pay/", include("payments.urls")),
    path("console/", include("consult.console.urls")),
    path("", include("consult.patient.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("admin/", admin.site.urls),
]
