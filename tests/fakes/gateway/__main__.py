"""``python -m tests.fakes.gateway``: keys for both sides, or the sandbox on a port."""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import uvicorn

from tests.fakes.gateway import keys
from tests.fakes.gateway.app import Gateway


def main() -> None:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.gateway", description=__doc__)
    parser.add_argument("--make-keys", metavar="DIR", type=Path, help="write keys, print variables")
    parser.add_argument("--keys", metavar="DIR", type=Path, help="keys to use (made when missing)")
    parser.add_argument("--port", type=int, default=8200)
    parser.add_argument("--url", default="", help="the address that browsers use")
    parser.add_argument(
        "--state",
        metavar="FILE",
        type=Path,
        help="where transactions are kept (with --keys: there)",
    )
    parser.add_argument("--pace", type=float, default=15.0, help="how much faster retries come")
    said = parser.parse_args()
    url = said.url.rstrip("/") or f"http://127.0.0.1:{said.port}"
    folder = said.make_keys or said.keys or Path(tempfile.mkdtemp(prefix="gateway-"))
    made = keys.make(folder)
    environment = json.dumps(made.environment(url), indent=1)
    (folder / "environment.json").write_text(environment)
    if said.make_keys:
        sys.stdout.write(environment + "\n")
        return
    sys.stdout.write(
        f"Sandbox gateway on {url}; variables for the service in {folder}/environment.json\n"
    )
    sys.stdout.flush()
    state = said.state or (said.keys and folder / "state.json")
    gateway = Gateway(made, url=url, state=state, pace=said.pace)
    uvicorn.run(gateway, host="127.0.0.1", port=said.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
