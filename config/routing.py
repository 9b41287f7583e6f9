"""Sockets: every address under /ws/."""

from channels.routing import URLRouter
from django.urls import path, re_path

from config.gate import nowhere
from consult.routing import sockets as consult_sockets
from signaling.routing import sockets as signaling_sockets

elsewhere = re_path("", nowhere)  # type: ignore[arg-type]  # channels routes to ASGI applications
rooms = [*signaling_sockets, *consult_sockets, elsewhere]
sockets = [path("ws/", URLRouter(rooms)), elsewhere]
