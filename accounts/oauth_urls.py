"""Addresses for partners' systems."""

from django.urls import path

from accounts.oauth import views

urlpatterns = [path("token", views.token)]
