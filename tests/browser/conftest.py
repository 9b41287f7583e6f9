"""The service as a process, the sandbox gateway and a partner hospital beside it, Chromium."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from config import embedded
from tests.chromium import CALLING, options
from tests.fakes.gateway import keys
from tests.fakes.gateway.app import Gateway
from tests.fakes.gateway.server import Running, free_port
from tests.fakes.partner.running import RunningHospital

ROOT = Path(__file__).resolve().parents[2]
STARTS_WITHIN = 60
# Every connection of a page, so that a test can ask what it receives.
WATCH = """
window.made = [];
const Stock = window.RTCPeerConnection;
window.RTCPeerConnection = class extends Stock {
  constructor(...more) { super(...more); window.made.push(this); }
};
window.inbound = async () => {
  const found = [];
  for (const connection of window.made.filter((c) => c.connectionState === "connected"))
    for (const report of (await connection.getStats()).values())
      if (report.type === "inbound-rtp") found.push({ kind: report.kind,
        decoded: report.framesDecoded ?? 0, width: report.frameWidth ?? 0,
        height: report.frameHeight ?? 0, energy: report.totalAudioEnergy ?? 0 });
  return found;
};
"""


@dataclass
class Service:
    """A running service: its address, what was seeded, and its log."""

    base: str
    seeded: dict[str, Any]
    log: Path
    gateway: Gateway
    hospital: RunningHospital


def environment(
    port: int, folder: Path, gateway: dict[str, str], neighbours: dict[str, str]
) -> dict[str, str]:
    """The variables of a service; ``neighbours`` are empty for the embedded default."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    return {
        **kept,
        **gateway,
        **neighbours,
        "DEBUG": "1",
        "DEMO": "1",
        "SECRET_KEY": "browser-tests-only-browser-tests-only",
        "DATA_DIR": str(folder),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "ALLOWED_HOSTS": "127.0.0.1,testserver",
        "PARTNER_PRIVATE_NETWORKS": "1",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }


def answers(url: str, started: list[subprocess.Popen[bytes]]) -> None:
    """Wait until the service is ready. Raises AssertionError when it ends or takes too long."""
    transport = httpx.HTTPTransport(retries=3)
    with httpx.Client(transport=transport) as client:
        for _ in range(STARTS_WITHIN * 4):
            assert all(process.poll() is None for process in started), "the service ended"
            try:
                if client.get(url).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            try:
                started[0].wait(0.25)
            except subprocess.TimeoutExpired:
                continue
    raise AssertionError("the service is not ready")


ROLES = {"embedded": ("all",), "services": ("media", "web", "worker", "beat")}


@contextmanager
def neighbours(profile: str) -> Iterator[dict[str, str]]:
    """A fresh database and a Valkey of its own, or nothing for the embedded default.

    Its own, because its media node would carry rooms of the tests of nodes.
    """
    if profile == "embedded":
        yield {}
        return
    url, name = os.environ["DATABASE_URL"], f"visits_{os.getpid()}"
    if not url or not os.environ["REDIS_URL"]:
        pytest.skip("these tests run without PostgreSQL and Valkey")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name}")
        connection.execute(f"CREATE DATABASE {name}")
    server = embedded.valkey()
    try:
        yield {
            "DATABASE_URL": f"{url.rpartition('/')[0]}/{name}",
            "REDIS_URL": f"redis://127.0.0.1:{server.port}",
        }
    finally:
        server.stop()


@contextmanager
def running(profile: str, env: dict[str, str], port: int, log: Path) -> Iterator[None]:
    """Every process of the profile; leaving ends them all."""
    command = [sys.executable, "-W", "ignore", "-m", "config.run"]
    with log.open("ab") as output:
        started = [
            subprocess.Popen(
                [*command, role, "--port", str(port)],
                env=env,
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            for role in ROLES[profile]
        ]
        try:
            answers(f"{env['PUBLIC_URL']}/readyz", started)
            yield
        finally:
            for process in reversed(started):
                process.terminate()
            for process in started:
                process.wait(20)


@pytest.fixture(scope="session", params=["embedded", "services"])
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """The whole service on a port, seeded with the cast: in one process, and in several."""
    profile = request.param
    folder = tmp_path_factory.mktemp(profile)
    port, gateway_port = free_port(), free_port()
    base, gateway_url = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{gateway_port}"
    made = keys.make(tmp_path_factory.mktemp("keys"))
    gateway, log = Gateway(made, url=gateway_url), folder / "service.log"
    hospital = RunningHospital(base)
    with neighbours(profile) as servers, Running(gateway, gateway_port), hospital:
        env = environment(port, folder, made.environment(gateway_url), servers)
        seeded = seed(env, hospital)
        with running(profile, env, port, log):
            yield Service(base, seeded, log, gateway, hospital)


def seed(env: dict[str, str], hospital: RunningHospital) -> dict[str, Any]:
    """Make the tables, put the cast in, know the hospital as a partner."""
    python = [sys.executable, "-W", "ignore"]
    subprocess.run([*python, "manage.py", "migrate", "-v0"], env=env, cwd=ROOT, check=True)
    partner = {
        "client_id": "hospital",
        "jwks": hospital.jwks,
        "fhir_base": hospital.fhir_base,
        "scopes": "system/*.cruds",
    }
    told = subprocess.run(
        [*python, "-m", "tests.browser.seed"],
        env=env,
        cwd=ROOT,
        check=True,
        input=json.dumps({"partner": partner}).encode(),
        stdout=subprocess.PIPE,
    )
    return dict(json.loads(told.stdout))


# Not for the whole session: its event loop would be in the way of asynchronous tests.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A real Chromium with a fake camera and microphone."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**options(*CALLING))
        yield browser
        browser.close()


@pytest.fixture
def context(chromium: Browser, service: Service) -> Iterator[Callable[..., BrowserContext]]:
    """Makes a separate browser: its own cookies, size and language."""
    made: list[BrowserContext] = []

    def make(width: int, height: int, **more: Any) -> BrowserContext:
        found = chromium.new_context(
            base_url=service.base,
            viewport={"width": width, "height": height},
            permissions=["camera", "microphone"],
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            **more,
        )
        found.add_init_script(WATCH)
        found.set_default_timeout(20_000)
        made.append(found)
        return found

    yield make
    for each in made:
        each.close()


@pytest.fixture
def doctor(context: Callable[..., BrowserContext], service: Service) -> Page:
    """Dr Lin at a desk."""
    found = context(1440, 900)
    cookie = {"name": "sessionid", "value": service.seeded["doctor"], "url": service.base}
    found.add_cookies([cookie])  # type: ignore[list-item]
    return found.new_page()


@pytest.fixture
def patient(context: Callable[..., BrowserContext]) -> Page:
    """Mrs Zhao's telephone."""
    return context(390, 844, device_scale_factor=2, is_mobile=True, has_touch=True).new_page()


@pytest.fixture
def shoot(request: pytest.FixtureRequest) -> Callable[[Page, str], None]:
    """Takes a picture of this run; those of the documents come from ``deploy.screenshots``."""
    folder = Path(request.getfixturevalue("tmp_path"))

    def take(page: Page, name: str) -> None:
        page.screenshot(path=str(folder / f"{name}.png"))

    return take
