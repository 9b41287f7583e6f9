"""Carries out tasks."""

import argparse

from config.celery import app


def run(options: argparse.Namespace) -> None:
    """Work until a signal."""
    app.worker_main(
        [
            "worker",
            "--pool=prefork",
            "--concurrency=2",
            "--loglevel=WARNING",
            "--without-gossip",
            "--without-mingle",
        ]
    )
