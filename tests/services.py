"""Real PostgreSQL and Valkey for the tests, started before Django reads its settings.

Loaded by ``-p tests.services``. TEST_DATABASE_URL and TEST_REDIS_URL name servers to use instead;
``TEST_DATABASE_URL=sqlite`` runs on the embedded default (no PostgreSQL, no Valkey).
"""

import atexit
import os
import time

SETTINGS = {
    "DEBUG": "0",
    "SECRET_KEY": "tests-only-tests-only-tests-only-tests",
    "DJANGO_SETTINGS_MODULE": "tests.settings",
    "ALLOWED_HOSTS": "127.0.0.1,localhost,testserver",
    "PARTNER_PRIVATE_NETWORKS": "1",
}
os.environ.update(SETTINGS)
_began = time.monotonic()
_embedded = os.environ.get("TEST_DATABASE_URL") == "sqlite"


def _start() -> None:
    from config import embedded  # not before the environment stands

    if not os.environ.get("TEST_DATABASE_URL"):
        postgres = embedded.Postgres()
        postgres.start()
        atexit.register(postgres.close)
        postgres.create_database("app")
        os.environ["DATABASE_URL"] = postgres.url("app")
    else:
        os.environ["DATABASE_URL"] = os.environ["TEST_DATABASE_URL"]
    if not os.environ.get("TEST_REDIS_URL"):
        server = embedded.valkey()
        atexit.register(server.stop)
        os.environ["REDIS_URL"] = f"redis://127.0.0.1:{server.port}"
    else:
        os.environ["REDIS_URL"] = os.environ["TEST_REDIS_URL"]


if _embedded:
    os.environ["DATABASE_URL"] = os.environ["REDIS_URL"] = ""
else:
    _start()


def pytest_report_header() -> str:
    """Which servers the tests run on."""
    kind = "SQLite, one process" if _embedded else "PostgreSQL and Valkey"
    return f"servers: {kind}, ready in {time.monotonic() - _began:.1f} s"
