"""Callbacks: made, perhaps spoilt on purpose, posted until they are taken."""

import asyncio
import json
import time
import uuid
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.fakes.gateway.books import Refund, Trade, stamp
from tests.fakes.gateway.wire import Wire

# The platform's own: 15 s, 15 s, 30 s, 3 min, 10 min …; ``pace`` makes time run faster.
RETRIES = (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600)


@dataclass
class Faults:
    """What goes wrong on purpose. Settable over ``POST /sandbox/faults``."""

    drop: bool = False
    duplicate: int = 0
    delay: float = 0.0
    garbage: bool = False
    forge: bool = False
    api_status: int = 0
    slow: float = 0.0
    unsigned: bool = False
    refunds: str = "SUCCESS"


@dataclass
class Notice:
    """One callback that waits to be taken."""

    url: str
    body: dict[str, Any]
    tries: int = 0
    statuses: list[int] = field(default_factory=list)


class Notices:
    """Callbacks that were due, in order; nobody posts them but ``run`` or a test."""

    def __init__(self, wire: Wire, faults: Faults) -> None:
        self._wire, self._faults = wire, faults
        self.waiting: deque[Notice] = deque()
        self.sent: list[Notice] = []

    def of_trade(self, trade: Trade) -> None:
        """Tell that a transaction was paid."""
        content = {**trade.shown(), "attach": ""}
        self._add(trade.notify_url, "TRANSACTION.SUCCESS", content, "transaction", "支付成功")

    def of_refund(self, refund: Refund) -> None:
        """Tell how a refund ended."""
        if refund.notify_url:
            content = refund.noticed(self._wire.keys.mchid)
            self._add(refund.notify_url, f"REFUND.{refund.status}", content, "refund", "退款通知")

    def _add(self, url: str, event: str, content: dict[str, Any], kind: str, says: str) -> None:
        if self._faults.drop:
            return
        notice = Notice(url, self.envelope(event, content, kind, says))
        self.waiting.extend([notice] * (1 + self._faults.duplicate))

    def envelope(
        self, event: str, content: dict[str, Any], kind: str, says: str = ""
    ) -> dict[str, Any]:
        """The callback's body."""
        return {
            "id": str(uuid.uuid4()),
            "create_time": stamp(),
            "resource_type": "encrypt-resource",
            "event_type": event,
            "summary": says,
            "resource": self._wire.sealed(content, kind),
        }

    def packed(self, notice: Notice) -> tuple[bytes, dict[str, str]]:
        """Body and headers of one posting, signed now, spoilt as ``faults`` say."""
        body = json.dumps(notice.body, ensure_ascii=False).encode()
        if self._faults.garbage:
            body = b'{"id": "' + b"\xff" * 40
        headers = {"Content-Type": "application/json", **self._wire.headers(body)}
        if self._faults.forge:
            headers["Wechatpay-Signature"] = headers["Wechatpay-Signature"][::-1]
        return body, headers

    async def run(self, *, pace: float = 1.0) -> None:
        """Post what waits, for ever; try again as the platform does."""
        later: list[tuple[float, Notice]] = []
        async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
            while True:
                due = [notice for at, notice in later if at <= time.monotonic()]
                later = [(at, notice) for at, notice in later if at > time.monotonic()]
                while self.waiting:
                    due.append(self.waiting.popleft())
                for notice in due:
                    if not await self._post(client, notice) and notice.tries <= len(RETRIES):
                        wait = RETRIES[notice.tries - 1] / pace
                        later.append((time.monotonic() + wait, notice))
                await asyncio.sleep(0.05)

    async def _post(self, client: httpx.AsyncClient, notice: Notice) -> bool:
        await asyncio.sleep(self._faults.delay)
        body, headers = self.packed(notice)
        notice.tries += 1
        try:
            status = (await client.post(notice.url, content=body, headers=headers)).status_code
        except httpx.HTTPError:
            status = 0
        notice.statuses.append(status)
        self.sent.append(notice)
        return status in (200, 204)
