"""Addresses of sign-in. Nobody signs up: staff are entered by an administrator."""

from allauth.account import views as allauth_views
from django.urls import URLPattern, URLResolver, include, path

from accounts.views import patients, staff

urlpatterns: list[URLPattern | URLResolver] = [
    path("login/", allauth_views.login, name="account_login"),
    path("logout/", allauth_views.logout, name="account_logout"),
    path("signup/", allauth_views.signup, name="account_signup"),
    path("inactive/", allauth_views.account_inactive, name="account_inactive"),
    path("reauthenticate/", allauth_views.reauthenticate, name="account_reauthenticate"),
    path("password/change/", allauth_views.password_change, name="account_change_password"),
    path("2fa/totp/activate/", staff.activate_totp, name="mfa_activate_totp"),
    path("2fa/totp/deactivate/", staff.keep_second_factor, name="mfa_deactivate_totp"),
    path("2fa/", include("allauth.mfa.urls")),
    path("post/", staff.choose_post, name="choose_post"),
    path("demo/", staff.demo_entry, name="demo_entry"),
    path("patient/", patients.sign_in, name="patient_sign_in"),
    path("patient/code/", patients.code, name="patient_code"),
    path("patient/choice/", patients.choice, name="patient_choice"),
]
