"""Django's view of the referrals."""

from django.apps import AppConfig


class ReferralsConfig(AppConfig):
    """Registers who listens to what when everything is loaded."""

    name = "referrals"

    def ready(self) -> None:
        """Listen to our own transitions and to what partners write."""
        from referrals import handlers  # noqa: F401
        from referrals.exchange import inbox

        inbox.register()
