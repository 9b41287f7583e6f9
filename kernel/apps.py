"""Django's view of the ground."""

from django.apps import AppConfig


class KernelConfig(AppConfig):
    """No tables of its own; its management is the outbox."""

    name = "kernel"
