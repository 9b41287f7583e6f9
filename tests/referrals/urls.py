"""The product's addresses, with this room's under ``/exchange/``."""

from django.urls import include, path

from config.urls import urlpatterns as product

urlpatterns = [path("exchange/", include("referrals.urls")), *product]
