"""Django's view of payments."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PaymentsConfig(AppConfig):
    """Orders, gateways and the ledger."""

    name = "payments"
    verbose_name = _("Payments")

    def ready(self) -> None:
        """Listen to the outbox."""
        from payments import handlers  # noqa: F401  registers itself
