"""Roof of the house: settings, addresses, processes. It wires everything and owns nothing."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
