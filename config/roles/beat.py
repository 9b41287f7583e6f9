"""Sends the tasks of the schedule."""

import argparse

from celery.apps.beat import Beat

from config.celery import app


def run(options: argparse.Namespace) -> None:
    """Send until a signal. One process of this role is enough; tasks stand being sent twice."""
    Beat(app=app, loglevel="WARNING", scheduler_cls="celery.beat.Scheduler", quiet=True).run()
