"""Django's view of people and places."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Institutions, staff, patients' accounts, partner systems."""

    name = "accounts"

    def ready(self) -> None:
        """Say at the FHIR door who asks, and who may still act that was let in once."""
        from accounts.bearer import principal_from
        from accounts.oauth.discovery import smart_configuration
        from accounts.principals import standing
        from records import hooks
        from records.api import auth

        auth.register(principal_from, smart_configuration=lambda request: smart_configuration())
        hooks.on_standing(standing)
