"""Django's view of the front of the house."""

from django.apps import AppConfig


class ConsultConfig(AppConfig):
    """Visits, the console, the patient's pages."""

    name = "consult"

    def ready(self) -> None:
        """Hear what lower floors tell."""
        from consult import handlers  # noqa: F401  registers itself
