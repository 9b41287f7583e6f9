"""Process roles: ``python -m config.run web|media|worker|beat|all [--port N]``.

``all`` is the embedded default: pages, sockets, media, worker and beat in one process, one event
loop and two threads. The others are the services profile and need DATABASE_URL and REDIS_URL.
"""

import argparse
import importlib
import os

import django

ROLES = ("web", "media", "worker", "beat", "all")


def main() -> None:
    """Run one role until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("role", choices=ROLES)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument(
        "--reuse-port", action="store_true", help="share the port with other web processes"
    )
    options = parser.parse_args()
    if options.role != "all" and not os.environ.get("REDIS_URL"):
        parser.error(f"the role {options.role} needs REDIS_URL; without it only 'all' runs")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    importlib.import_module(f"config.roles.{options.role}").run(options)


if __name__ == "__main__":
    main()
