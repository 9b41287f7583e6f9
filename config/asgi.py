"""The service's doors: pages, machines and sockets, each with its own chain."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

django.setup()

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler

from config.gate import Gate, OwnOrigin
from config.machine import MachineHandler
from config.routing import sockets
from records.api.asgi import PREFIX as FHIR, FhirDoor


class Doors:
    """Sends requests of machines past the browser's middleware."""

    def __init__(self) -> None:
        self.pages = ASGIHandler()
        self.machines = MachineHandler()
        self.fhir = FhirDoor()

    async def __call__(self, scope, receive, send):  # type: ignore[no-untyped-def]
        """ASGI."""
        if scope["path"] == FHIR or scope["path"].startswith(f"{FHIR}/"):
            await self.fhir(scope, receive, send)
            return
        machine = scope["path"].startswith(settings.MACHINE_PATHS)
        await (self.machines if machine else self.pages)(scope, receive, send)


application = Gate(
    ProtocolTypeRouter(
        {
            "http": Doors(),
            "websocket": AllowedHostsOriginValidator(
                OwnOrigin(AuthMiddlewareStack(URLRouter(sockets)))
            ),
        }
    )
)
