"""Django's view of people and places."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Institutions, staff, patients' accounts, partner systems."""

    name = "accounts"
