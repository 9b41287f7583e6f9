"""Addresses that others gave us: what is called, and every trick that must not work."""

import socket
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel import outside
from kernel.outside import OutsideError

NAME = "partner.example"


class Server:
    """Answers every request as told, and remembers what came."""

    def __init__(self):
        self.status, self.body, self.drip, self.came = 200, b"{}", 0.0, []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                length = int(self.headers.get("Content-Length", 0))
                outer.came.append((self.path, dict(self.headers), self.rfile.read(length)))
                self.send_response(outer.status)
                self.send_header("Location", "http://127.0.0.1:9/elsewhere")
                self.end_headers()
                try:
                    for byte in outer.body:
                        self.wfile.write(bytes([byte]))
                        time.sleep(outer.drip)
                except OSError:
                    return

            def log_message(self, *_args):
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_error):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def server():
    with Server() as running:
        yield running


def post(url, **more):
    options = {"private": True, "seconds": 5.0, "most": 1000, **more}
    return outside.call("POST", url, **options)


@pytest.fixture
def names(monkeypatch):
    """Who asks for ``NAME`` gets these addresses, one set after the other; the last one stays."""
    told = [["127.0.0.1"]]

    def look_up(host, port, **_kind):
        found = told[0] if len(told) == 1 else told.pop(0)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in found]

    monkeypatch.setattr(outside.socket, "getaddrinfo", look_up)
    return told


def test_the_call_arrives_under_its_own_name(server, names):
    answer = post(
        f"http://{NAME}:{server.port}/hook?a=b", content=b"[1]", headers=[("X-Key", "one")]
    )
    ((path, headers, body),) = server.came
    assert (answer.status, answer.body) == (200, b"{}")
    assert (path, headers["Host"], body) == ("/hook?a=b", f"{NAME}:{server.port}", b"[1]")
    assert headers["X-Key"] == "one"


def test_the_name_is_looked_up_once(server, names):
    names[:] = [["127.0.0.1"], ["192.0.2.1"]]
    assert post(f"http://{NAME}:{server.port}/").status == 200


@pytest.mark.parametrize("found", [["10.0.0.8"], ["1.1.1.1", "127.0.0.1"], ["fd00::1"]])
def test_a_name_with_one_private_address_is_not_called(names, found):
    names[:] = [found]
    with pytest.raises(OutsideError, match="private network") as refused:
        post(f"https://{NAME}/", private=False)
    assert refused.value.permanent


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "10.0.0.8",
        "172.16.3.4",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[::127.0.0.1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:10.0.0.8]",
        "[::ffff:a9fe:a9fe]",
        "[64:ff9b::127.0.0.1]",
        "[64:ff9b::a00:8]",
        "[64:ff9b:1::1]",
        "[2002:7f00:1::]",
        "[2002:a00:8::1]",
        "[2001:0:7f00:1::]",
        "[2001:db8::1]",
        "[fe80::1]",
        "[fec0::1]",
        "[fc00::1]",
        "[fd12:3456::1]",
        "[ff02::1]",
    ],
)
def test_no_private_address_passes(host):
    with pytest.raises(OutsideError, match="private network"):
        outside.check(f"https://{host}/hook", private=False)
    assert outside.check(f"https://{host}/hook", private=True).host


@pytest.mark.parametrize(
    "host", ["1.1.1.1", "[2606:4700::1111]", "[::ffff:1.1.1.1]", "[64:ff9b::1.1.1.1]", NAME]
)
def test_public_addresses_and_names_pass(host):
    assert outside.check(f"https://{host}:8443/hook", private=False).port == 8443


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (f"http://{NAME}/", "https"),
        (f"ftp://{NAME}/", "https"),
        (f"file://{NAME}/etc/passwd", "https"),
        (f"gopher://{NAME}/", "https"),
        ("/hook", "https"),
        ("", "https"),
        ("https:///hook", "host"),
        ("https://user:secret@partner.example/", "no user"),
        ("https://partner.example@127.0.0.1/", "no user"),
        ("https://2130706433/", "name a host"),
        ("https://0x7f000001/", "name a host"),
        ("https://0x7f.1/", "name a host"),
        ("https://0177.0.0.1/", "not an address"),
        ("https://127.1/", "name a host"),
        ("https://partner.example.0x7f./", "name a host"),
        ("https://partner.example:0/", "port"),
        ("https://partner.example:22/", "port"),
        ("https://partner.example:25/", "port"),
        ("https://partner.example:99999/", "not an address|port"),
        ("https://partner.example:x/", "not an address"),
        ("https://[::1/", "not an address"),
        ("https://partner.example/\r\nX-Evil: 1", "not an address"),
        (f"https://{NAME}/{'x' * 2000}", "longer"),
    ],
)
def test_what_no_partner_has_reason_to_use_is_refused_for_good(url, says):
    with pytest.raises(OutsideError, match=says) as refused:
        outside.check(url, private=False)
    assert refused.value.permanent


ODD = st.text("htps:/@#?[].%0123456789abcdefx\\ \t\n\0é。①\u200b\ud800", max_size=40)


@given(st.one_of(ODD, ODD.map("https://".__add__), st.text(max_size=60)))
def test_whatever_is_said_is_an_address_or_refused(said):
    try:
        found = outside.check(said, private=False)
    except OutsideError as error:
        assert error.permanent
    else:
        assert found.scheme == "https"
        assert found.raw_host.isascii()


def test_an_international_name_is_called_by_its_ascii_spelling(server, names):
    post(f"http://医院.example:{server.port}/")
    ((_, headers, _),) = server.came
    assert headers["Host"] == f"xn--ekrs67m.example:{server.port}"


def test_redirects_are_answers_like_others(server):
    server.status = 307
    assert post(f"http://127.0.0.1:{server.port}/").status == 307
    assert len(server.came) == 1


def test_a_long_answer_is_not_read_to_its_end(server):
    server.body = b"x" * 5000
    with pytest.raises(OutsideError, match="longer than 1000 bytes"):
        post(f"http://127.0.0.1:{server.port}/")


def test_who_drips_is_not_waited_for(server):
    server.body, server.drip = b"x" * 200, 0.05
    began = time.monotonic()
    with pytest.raises(OutsideError, match="in time") as slow:
        post(f"http://127.0.0.1:{server.port}/", seconds=0.4)
    assert time.monotonic() - began < 3
    assert not slow.value.permanent


def test_a_deaf_port_and_an_unknown_name_may_answer_later(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
    with pytest.raises(OutsideError, match="no connection") as deaf:
        post(f"http://127.0.0.1:{port}/")
    with pytest.raises(OutsideError, match="not found") as unknown:
        post("http://no-such-host.invalid/")
    assert not deaf.value.permanent
    assert not unknown.value.permanent


def test_a_certificate_that_nobody_vouches_for_is_no_connection(server):
    assert outside._trust().verify_mode == ssl.CERT_REQUIRED
    assert outside._trust().check_hostname
    with pytest.raises(OutsideError, match="no connection"):
        post(f"https://127.0.0.1:{server.port}/")
