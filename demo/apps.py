"""Django's view of the demo."""

from django.apps import AppConfig


class DemoConfig(AppConfig):
    """Installed with DEMO=1 only."""

    name = "demo"

    def ready(self) -> None:
        """A rehearsal that is over is followed by the next."""
        from demo.handlers import follow_rehearsal
        from kernel import outbox

        outbox.on("visit")(follow_rehearsal)
