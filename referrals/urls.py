"""Addresses under ``/exchange/``."""

from django.urls import path

from referrals import views

urlpatterns = [path("jwks.json", views.jwks)]
