"""What stands around the service in demo and stack: keys, a gateway, a partner, a patient."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.processes import Family, free_port, run_once


@dataclass(frozen=True)
class Surroundings:
    """The environment of the service and the addresses of its neighbours."""

    home: Path
    base: str
    ports: Mapping[str, int]
    environment: Mapping[str, str]

    def start_gateway(self, family: Family) -> None:
        """The payment gateways' sandbox."""
        family.start(
            "gateway",
            "tests.fakes.gateway",
            *("--port", str(self.ports["gateway"]), "--keys", str(self.home / "gateway")),
            *("--state", str(self.home / "gateway" / "transactions.json")),
            env=self.environment,
        )

    def start_people(self, family: Family) -> None:
        """The partner hospital and the rehearsal patient."""
        family.start_neighbour(
            "partner",
            "tests.fakes.partner",
            *("--port", str(self.ports["partner"]), "--credentials"),
            str(self.home / "credentials.json"),
            env=self.environment,
        )
        family.start_neighbour(
            "rehearsal",
            "demo.rehearsal",
            *("--home", str(self.home), "--base", self.base),
            env=self.environment,
        )

    def welcome(self) -> str:
        """What a newcomer reads once everything answers."""
        credentials = json.loads((self.home / "credentials.json").read_text(encoding="utf-8"))
        patient = next((p for p in credentials["patients"] if p["visit_links"]), None)
        link = self.base + patient["visit_links"][0] if patient else "-"
        return "\n".join(
            (
                "",
                f"  Console          {self.base}/console/   (choose a person on the sign-in page)",
                f"  A patient's link {link}",
                f"  FHIR             {self.base}/fhir/metadata",
                f"  Partner hospital http://127.0.0.1:{self.ports['partner']}/",
                f"  Payment sandbox  http://127.0.0.1:{self.ports['gateway']}/",
                f"  All accounts     {self.home / 'credentials.json'}",
                "",
                "  A rehearsal patient is in the waiting room: call them in to see a working call.",
                "  Ctrl-C stops everything.",
            )
        )


def prepare(home: Path, port: int, extra: Mapping[str, str] | None = None) -> Surroundings:
    """Make the folder, the secrets and the gateway's keys once; return the surroundings."""
    home.mkdir(parents=True, exist_ok=True)
    kept = home / "environment.json"
    if not kept.exists():
        _draw(home, kept)
    drawn: dict[str, str] = json.loads(kept.read_text(encoding="utf-8"))
    ports = {"gateway": int(drawn.pop("GATEWAY_PORT")), "partner": int(drawn.pop("PARTNER_PORT"))}
    base = f"http://127.0.0.1:{port}"
    environment = {
        **drawn,
        "PUBLIC_URL": base,
        "DATA_DIR": str(home),
        "DEMO": "1",
        "PARTNER_PRIVATE_NETWORKS": "1",
        "PARTNER_URL": f"http://127.0.0.1:{ports['partner']}",
        "WECHAT_PAY_URL": f"http://127.0.0.1:{ports['gateway']}",
        **(extra or {}),
    }
    return Surroundings(home, base, ports, environment)


def _draw(home: Path, kept: Path) -> None:
    """Secrets of this seeding. The neighbours' ports are kept, since partners know addresses."""
    keys = home / "gateway"
    run_once("tests.fakes.gateway", "--make-keys", str(keys), env={}, quiet=True)
    drawn = json.loads((keys / "environment.json").read_text(encoding="utf-8"))
    drawn |= {
        "SECRET_KEY": secrets.token_urlsafe(48),
        "GATEWAY_PORT": str(free_port()),
        "PARTNER_PORT": str(free_port()),
    }
    kept.write_text(json.dumps(drawn), encoding="utf-8")
    kept.chmod(0o600)
