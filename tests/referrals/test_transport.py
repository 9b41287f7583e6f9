"""The wire connects to the address that was checked, under the partner's own name."""

import datetime
import socket
import ssl
import threading

import httpx
import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from referrals.exchange import transport
from referrals.exchange.errors import PartnerError

NAME = "partner.example"


@pytest.fixture
def certificate(tmp_path):
    """A certificate for ``NAME`` and its key, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    today = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "partner.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


async def says_host(scope, receive, send):
    host = dict(scope["headers"])[b"host"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": host})


@pytest.fixture
def port(certificate):
    """An https server for ``NAME`` on the loopback."""
    door = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        says_host, ssl_certfile=str(certificate), lifespan="off", log_level="error"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [door]}, daemon=True)
    thread.start()
    yield door.getsockname()[1]
    server.should_exit = server.force_exit = True
    thread.join(10)
    door.close()


@pytest.fixture
def client(certificate, monkeypatch):
    """A client that trusts the certificate, for which ``NAME`` and others live on the loopback."""
    monkeypatch.setattr(transport, "public_address", lambda host, port: "127.0.0.1")
    trust = ssl.create_default_context(cafile=str(certificate))
    with httpx.Client(transport=transport.PublicTransport(verify=trust), trust_env=False) as made:
        yield made


def test_the_certificate_is_checked_against_the_name_not_the_address(port, client):
    answer = client.get(f"https://{NAME}:{port}/fhir")
    assert answer.text == f"{NAME}:{port}"
    with pytest.raises(httpx.ConnectError, match="certificate"):
        client.get(f"https://impostor.example:{port}/fhir")


def test_plain_http_is_refused(client):
    with pytest.raises(PartnerError, match="not https"):
        client.get(f"http://{NAME}/fhir")


@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.8", "169.254.169.254", "::1", "localhost"])
def test_no_private_address_passes(host):
    with pytest.raises(PartnerError, match="private"):
        transport.public_address(host, 443)


def test_a_public_address_passes():
    assert transport.public_address("1.1.1.1", 443) == "1.1.1.1"
