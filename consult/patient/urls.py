"""Addresses of the patient's pages."""

from django.urls import path

from consult.patient import home, views

app_name = "patient"
urlpatterns = [
    path("me/", home.home, name="home"),
    path("me/visits/<str:visit_id>/open", home.open_visit, name="open"),
    path("me/visits/<str:visit_id>/paid", home.paid, name="returned"),
    path("visit/<str:token>/", views.visit, name="visit"),
    path("visit/<str:token>/code", views.send_code, name="send-code"),
    path("visit/<str:token>/check", views.check_code, name="check-code"),
    path("visit/<str:token>/consent", views.consent, name="consent"),
    path("visit/<str:token>/device", views.device, name="device"),
    path("visit/<str:token>/pay", views.pay, name="pay"),
    path("visit/<str:token>/paid", views.paid, name="paid"),
    path("visit/<str:token>/do/<str:name>", views.act, name="act"),
    path("visit/<str:token>/call/", views.call, name="call"),
    path("visit/<str:token>/ticket", views.ticket, name="ticket"),
]
