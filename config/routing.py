"""Sockets: every address under /ws/."""

from channels.routing import URLRouter
from django.urls import path

from consult.routing import sockets as consult_sockets
from signaling.routing import sockets as signaling_sockets

sockets = [path("ws/", URLRouter([*signaling_sockets, *consult_sockets]))]
