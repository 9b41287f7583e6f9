"""The one safe way of calling addresses that others gave us: partners' endpoints and key sets.

No private networks and https only, unless configuration allows them; no redirects, no proxies, and
an end to every call. The name is resolved once and the connection goes to the very address that was
checked: a name that points elsewhere at the second look (DNS rebinding) gains nothing.
"""

import asyncio
import ipaddress
import re
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import httpx

LONGEST = 2000
UNICAST = ipaddress.ip_network("2000::/3")
NAT64 = ipaddress.ip_network("64:ff9b::/96")
NUMBER = re.compile(r"(?:\d+|0x[0-9a-f]*)\.?", re.IGNORECASE)
Header = tuple[str, str]


class OutsideError(Exception):
    """The call did not succeed; ``says`` quotes nothing of what was sent or answered.

    ``permanent`` when the address itself is refused: trying again cannot help.
    """

    def __init__(self, says: str, *, permanent: bool = False) -> None:
        super().__init__(says)
        self.says = says
        self.permanent = permanent


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the HTTP status and the body, as long as it was read."""

    status: int
    body: bytes


def check(url: str, *, private: bool) -> httpx.URL:
    """The address understood, before anybody looks its name up.

    ``private`` allows private networks and http. Raises OutsideError (permanent) with a sentence
    that can follow the name of a field.
    """
    if len(url) > LONGEST:
        raise OutsideError(f"is longer than {LONGEST} characters", permanent=True)
    try:
        found = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        raise OutsideError("is not an address", permanent=True) from None
    if found.scheme != "https" and not (private and found.scheme == "http"):
        raise OutsideError("must begin with https://", permanent=True)
    if found.userinfo or not found.host:
        raise OutsideError("must name a host, and no user", permanent=True)
    port = _port(found)
    if port not in (80, 443) and not 1024 <= port <= 65535:
        raise OutsideError("names a port that is not for http", permanent=True)
    _check_literal(found.host, private=private)
    return found


def _port(url: httpx.URL) -> int:
    usual = 443 if url.scheme == "https" else 80
    return usual if url.port is None else url.port


def _check_literal(host: str, *, private: bool) -> None:
    try:
        public = is_public(host)
    except ValueError:
        # 2130706433, 0x7f.1 and 127.1 spell an address as no partner has reason to.
        if NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
            raise OutsideError("must name a host", permanent=True) from None
        return
    if not public and not private:
        raise OutsideError("lies in a private network", permanent=True)


def is_public(address: str) -> bool:
    """True for an IP address of the open internet. Raises ValueError for what is no IP address."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        # What an IPv4 address inside leads to decides.
        inner = found.ipv4_mapped or found.sixtofour
        if found in NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFF_FFFF)
        if inner is None:
            return found.is_global and found in UNICAST
        found = inner
    return found.is_global and not (found.is_multicast or found.is_reserved)


def address_of(host: str, port: int, *, private: bool) -> str:
    """The IP address of ``host`` to connect to. Raises OutsideError when one of its is private."""
    try:
        entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise OutsideError("the name was not found") from None
    found = [str(entry[4][0]) for entry in entries]
    if not private and not all(map(is_public, found)):
        raise OutsideError("lies in a private network", permanent=True)
    return found[0]


def call(
    method: str,
    url: str,
    *,
    private: bool,
    seconds: float,
    most: int,
    headers: Sequence[Header] = (),
    content: bytes = b"",
) -> Answer:
    """Send one request; read at most ``most`` bytes of its answer, in ``seconds`` altogether.

    Not to be called where an event loop runs. Raises OutsideError.
    """
    target = check(url, private=private)
    # The ASCII spelling of an international name is what certificates and Host are about.
    host = target.raw_host.decode("ascii")
    address = address_of(host, _port(target), private=private)
    request = httpx.Request(
        method,
        target.copy_with(host=address),
        headers=[("Accept-Encoding", "identity"), *headers, ("Host", target.netloc.decode())],
        content=content,
        extensions={"sni_hostname": host},
    )
    try:
        return asyncio.run(_within(request, seconds, most))
    except TimeoutError:
        raise OutsideError("no answer in time") from None
    except (httpx.HTTPError, OSError) as error:
        raise OutsideError(f"no connection ({type(error).__name__})") from None


async def _within(request: httpx.Request, seconds: float, most: int) -> Answer:
    # httpx counts its timeouts from byte to byte: who drips would hold us for ever.
    async with (
        asyncio.timeout(seconds),
        httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(verify=_trust()), trust_env=False, timeout=seconds
        ) as client,
    ):
        answer = await client.send(request, stream=True, follow_redirects=False)
        body = bytearray()
        async for part in answer.aiter_raw():
            body += part
            if len(body) > most:
                raise OutsideError(f"the answer is longer than {most} bytes")
        return Answer(answer.status_code, bytes(body))


@cache
def _trust() -> ssl.SSLContext:
    return httpx.create_ssl_context()
