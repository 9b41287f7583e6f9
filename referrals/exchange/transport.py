"""The wire to partners: no private networks, no redirects, no proxies."""

import ssl

import httpx

from kernel import outside
from referrals.exchange.errors import PartnerError

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 15.0


def open_wire(*, private: bool) -> httpx.Client:
    """A client for partners' addresses; ``private`` allows private networks and http."""
    return httpx.Client(
        transport=httpx.HTTPTransport(retries=0) if private else PublicTransport(),
        timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
        follow_redirects=False,
        trust_env=False,
    )


class PublicTransport(httpx.HTTPTransport):
    """Connects to public addresses over https only.

    The address that was checked is the one connected to: a name that resolves differently a moment
    later gains nothing.
    """

    def __init__(self, *, verify: ssl.SSLContext | bool = True) -> None:
        # A kept connection would be reused for another name at the same address, unchecked.
        super().__init__(verify=verify, limits=httpx.Limits(max_keepalive_connections=0))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send ``request``. Raises PartnerError("private")."""
        host = request.url.host
        if request.url.scheme != "https":
            raise PartnerError("private", "not https")
        request.extensions = {**request.extensions, "sni_hostname": host}
        request.url = request.url.copy_with(host=public_address(host, request.url.port or 443))
        return super().handle_request(request)


def public_address(host: str, port: int) -> str:
    """One address of ``host``. Raises PartnerError when any of them is not public."""
    try:
        return outside.address_of(host, port, private=False)
    except outside.OutsideError as error:
        raise PartnerError("private" if error.permanent else "unreachable", error.says) from error
