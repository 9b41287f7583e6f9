"""Sockets of the rooms, below /ws/."""

from django.urls import path

from signaling.consumers import RoomConsumer

sockets = [path("room/<str:room>/", RoomConsumer.as_asgi())]
