"""Sockets of the pages."""

from django.urls import URLPattern, path

from consult import consumers

sockets: list[URLPattern] = [
    path("console/", consumers.ConsoleSocket.as_asgi()),
    path("console/visits/<str:visit_id>/", consumers.VisitSocket.as_asgi()),
    path("console/referrals/<str:referral_id>/", consumers.ReferralSocket.as_asgi()),
    path("visit/<str:token>/", consumers.PatientSocket.as_asgi()),
]
