"""Django's view of people and places."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Institutions, staff, patients' accounts, partner systems."""

    name = "accounts"

    def ready(self) -> None:
        """Say at the FHIR door who asks."""
        from accounts.bearer import principal_from
        from accounts.oauth.discovery import smart_configuration
        from records.api import auth

        auth.register(principal_from, smart_configuration=lambda request: smart_configuration())
