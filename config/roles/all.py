"""The embedded default: every role in this process."""

import argparse
import asyncio
import threading

from celery import beat

from config.celery import app
from config.roles.web import server
from signaling import services as signaling

STOPS_WITHIN = 5.0


class Tasks:
    """The worker and the beat as threads beside the event loop."""

    def __init__(self) -> None:
        self._worker = app.WorkController(
            pool="threads",
            concurrency=4,
            loglevel="WARNING",
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
        )
        self._beat = beat.Service(app, scheduler_cls=beat.Scheduler)
        self._threads = [
            threading.Thread(target=self._worker.start, daemon=True, name="worker"),
            threading.Thread(target=self._beat.start, daemon=True, name="beat"),
        ]

    def start(self) -> None:
        """Start both."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let running tasks finish, then end both."""
        self._beat.stop()
        self._worker.stop()
        for thread in self._threads:
            thread.join(STOPS_WITHIN)


def run(options: argparse.Namespace) -> None:
    """Serve until a signal."""
    asyncio.run(_run(options, Tasks()))


async def _run(options: argparse.Namespace, tasks: Tasks) -> None:
    tasks.start()
    try:
        await server(options).serve()
    finally:
        await signaling.stop_media()
        await asyncio.to_thread(tasks.stop)
