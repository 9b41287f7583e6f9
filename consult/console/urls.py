"""Addresses of the console."""

from django.urls import path

from consult.console import office, views

app_name = "console"
urlpatterns = [
    path("", views.board, name="board"),
    path("visits/<str:visit_id>/", views.visit, name="visit"),
    path("visits/<str:visit_id>/do/<str:name>", views.act, name="act"),
    path("visits/<str:visit_id>/ticket", views.ticket, name="ticket"),
    path("visits/<str:visit_id>/note", views.save_note, name="note"),
    path("visits/<str:visit_id>/diagnoses", views.diagnose, name="diagnose"),
    path("visits/<str:visit_id>/diagnoses/<str:code>/remove", views.undiagnose, name="undiagnose"),
    path("visits/<str:visit_id>/refer", views.refer, name="refer"),
    path("diagnoses", views.diagnoses, name="diagnoses"),
    path("referrals/", office.referral_list, name="referrals"),
    path("referrals/<str:referral_id>/", office.referral, name="referral"),
    path("referrals/<str:referral_id>/answer", office.referral_answer, name="refer-answer"),
    path("referrals/<str:referral_id>/do/<str:name>", office.referral_act, name="refer-act"),
    path("bills/", office.bills, name="bills"),
    path("bills/<str:order_id>/", office.order, name="order"),
    path("bills/<str:order_id>/do/<str:name>", office.order_act, name="order-act"),
]
