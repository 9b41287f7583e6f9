"""The hospital as a client of the service's FHIR API (SMART Backend Services)."""

import time
import uuid
from typing import Any

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

Body = dict[str, Any]
FHIR_JSON = "application/fhir+json"
SCOPE = "system/Task.rus system/ServiceRequest.r system/Bundle.r system/Patient.r"


class Home:
    """The service at ``base`` (its root, without ``/fhir``)."""

    def __init__(
        self,
        base: str,
        *,
        client_id: str,
        key: ECKey | RSAKey,
        kid: str,
        algorithm: str,
        jwks: Any = None,
    ) -> None:
        self.base = base.rstrip("/")
        self.client_id, self.kid, self.algorithm = client_id, kid, algorithm
        self._key = key
        self._jwks = jwks  # the service's public keys, where they are not to be fetched
        self._token = ""
        self._token_ends = 0.0

    async def signing_keys(self) -> KeySet:
        """The keys with which the service signs what it asks of us."""
        if self._jwks:
            return KeySet.import_key_set(self._jwks)
        async with self._wire() as wire:
            answer = await wire.get(f"{self.base}/exchange/jwks.json")
            answer.raise_for_status()
            return KeySet.import_key_set(answer.json())

    async def find_task(self, placer: str) -> Body:
        """The shared Task, by the number that its sender gave the referral."""
        found = await self._call(
            "GET", "/fhir/Task", params={"identifier": f"urn:ietf:rfc:3986|{placer}"}
        )
        tasks = [entry["resource"] for entry in found.json().get("entry", [])]
        if len(tasks) != 1:
            raise httpx.RequestError(f"{len(tasks)} tasks have this number")
        return dict(tasks[0])

    async def update_task(self, task: Body, *, version: str) -> httpx.Response:
        """Write the Task if nobody else has since ``version``."""
        return await self._call(
            "PUT",
            f"/fhir/Task/{task['id']}",
            json=task,
            headers={"If-Match": f'W/"{version}"'},
            check=False,
        )

    async def _call(
        self, method: str, path: str, *, check: bool = True, headers: Any = None, **more: Any
    ) -> httpx.Response:
        async with self._wire() as wire:
            token = await self._fresh_token(wire)
            answer = await wire.request(
                method,
                self.base + path,
                headers={
                    "Authorization": f"Bearer {token}",
                    "Accept": FHIR_JSON,
                    **({"Content-Type": FHIR_JSON} if "json" in more else {}),
                    **(headers or {}),
                },
                **more,
            )
        if answer.status_code == 401:
            self._token = ""
        if check:
            answer.raise_for_status()
        return answer

    async def _fresh_token(self, wire: httpx.AsyncClient) -> str:
        if self._token and time.monotonic() < self._token_ends:
            return self._token
        found = await wire.get(f"{self.base}/fhir/.well-known/smart-configuration")
        found.raise_for_status()
        endpoint = found.json()["token_endpoint"]
        answer = await wire.post(
            endpoint,
            data={
                "grant_type": "client_credentials",
                "scope": SCOPE,
                "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                "client_assertion": self._assertion(endpoint),
            },
        )
        answer.raise_for_status()
        self._token = answer.json()["access_token"]
        self._token_ends = time.monotonic() + answer.json()["expires_in"] - 30
        return self._token

    def _assertion(self, endpoint: str) -> str:
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": endpoint,
            "exp": int(time.time()) + 240,
            "jti": str(uuid.uuid4()),
        }
        header = {"alg": self.algorithm, "kid": self.kid, "typ": "JWT"}
        return jwt.encode(header, claims, self._key, algorithms=[self.algorithm])

    def _wire(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(timeout=20, trust_env=False)
