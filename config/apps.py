"""Wires what the floors left open."""

from django.apps import AppConfig

from kernel.wake import on_nudge


class RoofConfig(AppConfig):
    """Connects the outbox to the task queue."""

    name = "config"
    label = "roof"

    def ready(self) -> None:
        """Fresh transitions wake the deliverer."""
        from config.tasks import wake_outbox  # tasks need the app registry

        on_nudge(wake_outbox)
