"""The task queue. Tasks carry keys, never patient data; what must last waits in the outbox."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("tongzhen")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
