"""``python -m tests.fakes.partner``: the hospital as its own process.

With ``--credentials`` it takes its client and key from the file that ``./dev demo`` writes;
otherwise ``--home``, ``--client-id``, ``--kid`` and ``--key`` (a PEM file) say who it is.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import uvicorn
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from tests.fakes.partner.app import App
from tests.fakes.partner.home import Home
from tests.fakes.partner.hospital import AUTOMATIC, Hospital

DEMO = Path(__file__).resolve().parents[3] / ".demo" / "credentials.json"


def main() -> None:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="./dev partner")
    parser.add_argument("--port", type=int, default=8100)
    parser.add_argument("--auto", choices=sorted(AUTOMATIC), default="manual")
    parser.add_argument("--credentials", type=Path, default=DEMO)
    parser.add_argument(
        "--memory", type=Path, help="file kept between starts; default: beside the credentials"
    )
    parser.add_argument("--home", help="address of the service, as http://127.0.0.1:8000")
    parser.add_argument("--client-id")
    parser.add_argument("--kid", help="default: the key's thumbprint")
    parser.add_argument("--key", type=Path, help="PEM file of the private key")
    options = parser.parse_args()
    memory = options.memory
    if options.home and options.client_id and options.key:
        pem, kid = options.key.read_text(encoding="utf-8"), options.kid or ""
        home = make_home(options.home, client_id=options.client_id, pem=pem, kid=kid)
    elif options.credentials.exists():
        memory = memory or options.credentials.with_name("partner.json")
        home = home_from(json.loads(options.credentials.read_text(encoding="utf-8")))
    else:
        parser.error(f"no {options.credentials}: run ./dev demo first, or say --home, --key ...")
    hospital = Hospital(home, auto=options.auto, memory=memory)
    print(f"Demo hospital http://127.0.0.1:{options.port}/  for {home.base}", flush=True)  # noqa: T201
    uvicorn.run(App(hospital), host="127.0.0.1", port=options.port, log_level="warning")


def home_from(credentials: dict[str, Any]) -> Home:
    """Who we are in the demo's credentials."""
    ours = credentials["partners"][0]
    return make_home(
        credentials["base"],
        client_id=ours["client_id"],
        pem=ours["private_key_pem"],
        kid=ours["kid"],
    )


def make_home(base: str, *, client_id: str, pem: str, kid: str) -> Home:
    """The service as this client sees it; RSA keys sign RS384, others ES384."""
    key = read_key(pem)
    algorithm = "RS384" if isinstance(key, RSAKey) else "ES384"
    return Home(
        base, client_id=client_id, key=key, kid=kid or key.thumbprint(), algorithm=algorithm
    )


def read_key(pem: str) -> ECKey | RSAKey:
    """The private key in a PEM text, of either kind."""
    try:
        return RSAKey.import_key(pem)
    except JoseError:
        return ECKey.import_key(pem)


if __name__ == "__main__":
    main()
