"""Django's view of the rooms."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SignalingConfig(AppConfig):
    """Rooms, tickets and the way to the media nodes."""

    name = "signaling"
    verbose_name = _("Video rooms")
