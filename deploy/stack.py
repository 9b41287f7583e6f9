"""``./dev stack``: the services profile on this machine, each role its own process.

PostgreSQL and Valkey come from pip packages; what they keep lives in ``.stack/``. The web
processes share one port, as they would stand behind a front proxy in service.
"""

import argparse
import sys

from config import embedded
from deploy import surroundings
from deploy.processes import ROOT, Family, names, port_is_free, run_once, wait_until_answers

HOME = ROOT / ".stack"


def main() -> None:
    """Start everything, serve until Ctrl-C, stop everything."""
    parser = argparse.ArgumentParser(prog="./dev stack")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--web", type=int, default=2)
    parser.add_argument("--media", type=int, default=2)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    if not port_is_free(options.port):
        sys.exit(f"port {options.port} is in use; choose another: ./dev stack --port 8001")
    postgres = embedded.Postgres(HOME / "postgres", durable=True)
    postgres.start()
    redis = embedded.valkey()
    family = Family()
    family.handle_signals()
    try:
        postgres.create_database("tongzhen")
        servers = {
            "DATABASE_URL": postgres.url("tongzhen"),
            "REDIS_URL": f"redis://127.0.0.1:{redis.port}",
        }
        sys.exit(serve(options, servers, family))
    finally:
        family.stop()
        redis.stop()
        postgres.close()


def serve(options: argparse.Namespace, servers: dict[str, str], family: Family) -> int:
    """Seed once, start every role, wait; return the exit status."""
    around = surroundings.prepare(HOME, options.port, servers)
    env = around.environment
    run_once("manage", "migrate", "-v0", env=env)
    run_once("manage", "publish_profiles", env=env)
    run_once("manage", "seed_demo", env=env)
    around.start_gateway(family)
    for name in names("media", options.media):
        family.start(name, "config.run", "media", env=env)
    for name in names("worker", options.workers):
        family.start(name, "config.run", "worker", env=env)
    family.start("beat", "config.run", "beat", env=env)
    for name in names("web", options.web):
        port = str(options.port)
        family.start(name, "config.run", "web", "--port", port, "--reuse-port", env=env)
    if not wait_until_answers(f"{around.base}/readyz", family):
        return 1
    around.start_people(family)
    print(around.welcome(), flush=True)
    return family.wait()


if __name__ == "__main__":
    main()
