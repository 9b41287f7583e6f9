"""The handler for machines' requests."""

from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.test.utils import override_settings


class MachineHandler(ASGIHandler):
    """Django with ``MACHINE_MIDDLEWARE`` only: no session, no CSRF, no language."""

    def load_middleware(self, is_async: bool = False) -> None:
        """Build the short chain; runs once, before any request is served."""
        with override_settings(MIDDLEWARE=settings.MACHINE_MIDDLEWARE):
            super().load_middleware(is_async=is_async)
