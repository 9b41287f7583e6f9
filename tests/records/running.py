"""The doors of the service under uvicorn, on a port of their own, in a thread of this process."""

import threading
from contextlib import contextmanager

import uvicorn
from django.db import connections

from config.asgi import Doors
from config.embedded import free_port
from config.gate import Gate


@contextmanager
def running():
    """The base of ``/fhir`` while it runs."""
    doors, port = Doors(), free_port()
    server = uvicorn.Server(
        uvicorn.Config(
            Gate(doors), host="127.0.0.1", port=port, lifespan="off", access_log=False,
            log_config=None, timeout_graceful_shutdown=1,
        )
    )  # fmt: skip
    ready = threading.Event()
    started = server.startup

    async def startup(*args, **more):
        await started(*args, **more)
        ready.set()

    server.startup = startup
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        assert ready.wait(30), "the server did not start"
        yield f"http://127.0.0.1:{port}/fhir"
    finally:
        server.should_exit = True
        thread.join(10)
        doors.fhir.close()
        connections.close_all()
