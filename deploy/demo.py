"""``./dev demo``: the embedded service with demo data, a partner hospital and a gateway.

The service is one process. The partner hospital and the payment gateway are other people's systems
in life, and so they are processes of their own here. So is the rehearsal patient, a client.
"""

import argparse
import shutil
import sys

from deploy import surroundings
from deploy.processes import ROOT, Family, port_is_free, run_once, wait_until_answers

HOME = ROOT / ".demo"


def main() -> None:
    """Seed once, serve in the foreground until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="./dev demo")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--reset", action="store_true", help="forget the demo's data first")
    options = parser.parse_args()
    if options.reset:
        shutil.rmtree(HOME, ignore_errors=True)
    if not port_is_free(options.port):
        sys.exit(f"port {options.port} is in use; choose another: ./dev demo --port 8001")
    sys.exit(serve(options.port))


def serve(port: int) -> int:
    """Run the demo on ``port``; return the exit status."""
    around = surroundings.prepare(HOME, port)
    run_once("manage", "migrate", "-v0", env=around.environment)
    run_once("manage", "publish_profiles", env=around.environment)
    run_once("manage", "seed_demo", env=around.environment)
    family = Family()
    family.handle_signals()
    try:
        around.start_gateway(family)
        family.start("service", "config.run", "all", "--port", str(port), env=around.environment)
        if not wait_until_answers(f"{around.base}/readyz", family):
            return 1
        around.start_people(family)
        print(around.welcome(), flush=True)
        return family.wait()
    finally:
        family.stop()


if __name__ == "__main__":
    main()
