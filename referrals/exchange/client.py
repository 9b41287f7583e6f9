"""The FHIR server of one partner hospital, as a SMART Backend Services client."""

import time
from collections.abc import Mapping
from decimal import Decimal
from types import TracebackType
from typing import Any, Self

import httpx
import orjson
from django.conf import settings

from referrals.exchange import identity
from referrals.exchange.errors import PartnerError
from referrals.exchange.transport import ANSWER_SECONDS, open_wire

Body = dict[str, Any]

FHIR_JSON = "application/fhir+json"
SCOPE = "system/*.cruds"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LARGEST_ANSWER = 4 * 1024 * 1024
LATER = frozenset({408, 409, 425, 429, 500, 502, 503, 504})


class PartnerClient:
    """Speaks to the FHIR base of a partner; every method raises PartnerError.

    One object serves one delivery: its token is asked for once and never kept.
    """

    def __init__(self, base: str) -> None:
        if not base:
            raise PartnerError("no-address", "the partner has no FHIR base")
        self.base = base.rstrip("/")
        self._http = open_wire(private=settings.PARTNER_PRIVATE_NETWORKS)
        self._token = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def transaction(self, bundle: Body) -> Body:
        """Send a transaction Bundle; return the partner's ``transaction-response``.

        Raises PartnerError, which says whether trying again can help.
        """
        content = orjson.dumps(bundle, default=_exact)
        try:
            answer = self._authorised("POST", self.base, content)
        except PartnerError as error:
            if error.kind != "unauthorised":
                raise
            # A token may be forgotten by a partner that was restarted: one fresh one, once.
            self._token = ""
            answer = self._authorised("POST", self.base, content)
        if answer.get("resourceType") != "Bundle" or len(answer.get("entry", [])) != len(
            bundle["entry"]
        ):
            raise PartnerError("garbage", "not the answer to a transaction")
        return answer

    def _authorised(self, method: str, url: str, content: bytes) -> Body:
        self._token = self._token or self._fresh_token()
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Content-Type": FHIR_JSON,
            "Accept": FHIR_JSON,
        }
        return self._call(method, url, headers=headers, content=content)

    def _fresh_token(self) -> str:
        found = self._call("GET", f"{self.base}/.well-known/smart-configuration")
        endpoint = found.get("token_endpoint")
        if not isinstance(endpoint, str):
            raise PartnerError("garbage", "no token endpoint")
        form = {
            "grant_type": "client_credentials",
            "scope": SCOPE,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": identity.assertion(endpoint),
        }
        try:
            token = self._call("POST", endpoint, data=form).get("access_token")
        except PartnerError as error:
            # RFC 6749 §5.2: a token endpoint says 400 for a client that it does not know.
            if error.kind == "refused":
                raise PartnerError("unauthorised", "no token") from None
            raise
        if not isinstance(token, str) or not token:
            raise PartnerError("garbage", "no token in the answer")
        return token

    def _call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        data: Mapping[str, str] | None = None,
    ) -> Body:
        try:
            with self._http.stream(
                method, url, headers=headers, content=content, data=data
            ) as response:
                _check(response)
                return _parsed(_read(response))
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise PartnerError("unreachable", type(error).__name__) from error


def _check(response: httpx.Response) -> None:
    status = response.status_code
    if response.is_success:
        return
    says = f"status {status}"
    if 300 <= status < 400:
        raise PartnerError("redirected", says)
    if status in (401, 403):
        raise PartnerError("unauthorised", says)
    if status in LATER:
        wait = response.headers.get("Retry-After", "")
        raise PartnerError("busy", says, retry_after=int(wait) if wait.isdigit() else 0)
    raise PartnerError("refused", says)


def _read(response: httpx.Response) -> bytes:
    # The client's timeout counts from byte to byte: a partner that drips would hold us for ever.
    ends = time.monotonic() + ANSWER_SECONDS
    content = bytearray()
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > LARGEST_ANSWER:
            raise PartnerError("too-large", f"more than {LARGEST_ANSWER} bytes")
        if time.monotonic() > ends:
            raise PartnerError("unreachable", "slow answer")
    return bytes(content)


def _exact(value: Any) -> orjson.Fragment:
    # 72.50 must not arrive as 72.5: in FHIR the number of digits says how exact a value is.
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value))
    raise TypeError(type(value).__name__)


def _parsed(content: bytes) -> Body:
    try:
        answer = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise PartnerError("garbage", "not JSON") from error
    if not isinstance(answer, dict):
        raise PartnerError("garbage", "not a JSON object")
    return answer
