"""Addresses under ``/pay/``."""

from django.urls import URLPattern, path

from payments.callbacks import callback

urlpatterns: list[URLPattern] = [path("callback/<slug:name>", callback)]
