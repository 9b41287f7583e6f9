"""Addresses from /fhir on: one door, whose table of routes is in ``entrance``."""

from django.urls import re_path

from records.api.entrance import fhir

urlpatterns = [re_path(r"^(?P<address>.*)$", fhir)]
