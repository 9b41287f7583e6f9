"""Django's view of the FHIR store."""

from django.apps import AppConfig


class RecordsConfig(AppConfig):
    """Nothing to wire: higher floors register with ``hooks`` and ``api.auth``."""

    name = "records"
