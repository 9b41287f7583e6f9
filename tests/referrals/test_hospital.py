"""The partner hospital as its own process and as its own page."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from joserfc.jwk import ECKey

from config.embedded import free_port
from referrals.exchange import delivery
from tests.fakes.partner.hospital import Hospital
from tests.referrals import make
from tests.referrals.test_delivery import sent

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def process(tmp_path):
    """The address of a hospital that runs by itself."""
    key, port = tmp_path / "key.pem", free_port()
    key.write_bytes(ECKey.generate_key("P-384").as_pem(private=True))
    command = [
        *(sys.executable, "-m", "tests.fakes.partner", "--port", str(port)),
        *("--home", "http://127.0.0.1:9", "--client-id", "hospital", "--key", str(key)),
        *("--memory", str(tmp_path / "partner.json")),
    ]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout and "Demo hospital" in running.stdout.readline()
        yield f"http://127.0.0.1:{port}"
        running.terminate()


def test_it_starts_says_what_it_can_and_shows_an_empty_desk(process):
    with httpx.Client(transport=httpx.HTTPTransport(retries=20), trust_env=False) as client:
        said = client.get(f"{process}/fhir/metadata").json()
        assert said["rest"][0]["interaction"] == [{"code": "transaction"}]
        assert "还没有收到转诊" in client.get(process).text
        assert client.post(f"{process}/fhir", content=b"{}").status_code == 401
        assert client.post(f"{process}/control", json={"fault": "fire"}).status_code == 422


def test_the_desk_shows_the_note_and_only_the_buttons_that_fit(world):
    sent()
    delivery.deliver_due()
    page = httpx.get(world.url, trust_env=False).text
    assert "赵秀英 · 加急 · 新到" in page
    assert "血压控制不满意" in page
    assert 'value="receive"' in page
    assert 'value="arrive"' not in page
    assert world.press("arrive").status_code == 409


def test_a_home_that_is_away_is_said_on_the_desk(world):
    sent()
    delivery.deliver_due()
    world.press("receive")
    assert "没有送达：ConnectError" in httpx.get(world.url, trust_env=False).text


def test_it_remembers_between_starts(world, tmp_path):
    memory = tmp_path / "partner.json"
    world.hospital._memory = memory
    sent()
    delivery.deliver_due()
    again = Hospital(world.hospital.home, memory=memory)
    assert again.chart.resources == world.hospital.chart.resources
    assert make.PATIENT not in again.chart.resources
