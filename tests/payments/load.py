"""What the benchmark of payments runs: ``python -m tests.payments.load COUNT OUTPUT``."""

import tests.services  # isort: skip  # noqa: F401  the servers stand before Django reads its settings

import asyncio
import atexit
import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import django
import httpx

from tests.fakes.gateway import keys, wire
from tests.fakes.gateway.server import free_port

PORT = free_port()
URL = f"http://127.0.0.1:{PORT}"
FOLDER = Path(tempfile.mkdtemp(prefix="payments-load-"))
KEYS = keys.make(FOLDER)
os.environ |= KEYS.environment(URL)
# Nobody listens there: the sandbox's own callbacks go nowhere, the ones that count are made here.
os.environ |= {"PUBLIC_URL": "http://127.0.0.1:9", "LOG_LEVEL": "CRITICAL"}
django.setup()
logging.disable(logging.CRITICAL)  # a line for each forgery is the flood's cost, not the door's

from django.core.management import call_command  # noqa: E402
from wechatpayv3 import WeChatPay as Oracle  # noqa: E402
from wechatpayv3 import WeChatPayType  # noqa: E402

from config.machine import MachineHandler  # noqa: E402
from payments import settlement  # noqa: E402
from payments.gateways import gateway  # noqa: E402
from payments.gateways.base import Charge  # noqa: E402
from payments.models import Order, Payment  # noqa: E402
from tests.fakes.gateway.notices import Faults, Notices  # noqa: E402
from tests.payments.cast import FEE, an_order, eventually, start  # noqa: E402

T = TypeVar("T")
Packed = tuple[bytes, dict[str, str]]
NOTICES = Notices(wire.Wire(KEYS), Faults())


def sandbox() -> None:
    """Start the sandbox in a process of its own."""
    command = [sys.executable, "-m", "tests.fakes.gateway", "--keys", str(FOLDER)]
    process = subprocess.Popen([*command, "--port", str(PORT)], stdout=subprocess.DEVNULL)
    atexit.register(process.terminate)

    def up() -> bool:
        try:
            return httpx.get(f"{URL}/healthz").status_code == 200
        except httpx.HTTPError:
            return False

    eventually(up)


def payments(count: int) -> list[Payment]:
    """Orders that wait for their payment."""
    for number in range(count):
        start(an_order(purpose=f"load:{number}:{time.monotonic_ns()}"))
    latest = Payment.objects.select_related("order").order_by("-id")[:count]
    return list(latest)


def paid_at_gateway(waiting: list[Payment]) -> None:
    """The payers press the button, all of them."""
    with httpx.Client() as browser:
        for payment in waiting:
            prepay = payment.url.partition("prepay_id=")[2]
            browser.post(f"{URL}/cashier", data={"prepay_id": prepay, "do": "pay"})


def callback_of(payment: Payment) -> Packed:
    """The gateway's callback about a payment, signed now."""
    content = {
        **{"mchid": KEYS.mchid, "appid": KEYS.appid, "out_trade_no": payment.number},
        **{"transaction_id": "42", "trade_state": "SUCCESS"},
        "amount": {"total": FEE, "currency": "CNY"},
    }
    body = json.dumps(NOTICES.envelope("TRANSACTION.SUCCESS", content, "transaction")).encode()
    return body, NOTICES._wire.headers(body)


async def knocked(handler: MachineHandler, packed: Packed) -> int:
    """One callback through the service's door for machines; the status."""
    body, headers = packed
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    scope = {
        **{"type": "http", "method": "POST", "path": "/pay/callback/wechat", "query_string": b""},
        "headers": [*raw, (b"host", b"127.0.0.1"), (b"content-length", str(len(body)).encode())],
    }
    messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    await messages.put({"type": "http.request", "body": body})
    statuses: list[int] = []

    async def send(message: Any) -> None:
        statuses.append(message.get("status", 0))

    await handler(scope, messages.get, send)
    return statuses[0]


def all_knocked(handler: MachineHandler, packed: Sequence[Packed]) -> list[int]:
    """Callbacks one after another, as one process serves them."""

    async def each() -> list[int]:
        return [await knocked(handler, one) for one in packed]

    return asyncio.run(each())


def cpu(work: Callable[[Sequence[T]], object], things: Sequence[T]) -> float:
    """CPU seconds of this process for ``work`` on 1,000 things: the median of ten parts."""
    size = max(len(things) // 10, 1)
    parts = [things[at : at + size] for at in range(0, len(things), size)]
    spent = []
    for part in parts:
        before = time.process_time()
        work(part)
        spent.append((time.process_time() - before) * 1000 / len(part))
    return statistics.median(spent)


def oracle() -> Any:
    """The independent client."""
    return Oracle(
        wechatpay_type=WeChatPayType.H5,
        mchid=KEYS.mchid,
        private_key=KEYS.merchant_key,
        cert_serial_no=KEYS.serial,
        appid=KEYS.appid,
        apiv3_key=KEYS.apiv3_key,
        public_key=KEYS.platform_public,
        public_key_id=KEYS.platform_id,
    )


def verifying(packed: list[Packed]) -> float:
    """Our time to verify and open a callback, as a ratio to the independent client's."""
    door, other = gateway("wechat"), oracle()
    lower = [({n.lower(): v for n, v in headers.items()}, body) for body, headers in packed]
    ours = cpu(lambda part: [door.read_callback(h, b) for h, b in part], lower)
    return ours / cpu(lambda part: [other.callback(h, b) for h, b in part], lower)


def measure(count: int) -> dict[str, float]:
    """All figures."""
    waiting = payments(count)
    paid_at_gateway(waiting)
    packed = [callback_of(payment) for payment in waiting]
    forged = [(body, {**headers, "Wechatpay-Nonce": "x"}) for body, headers in packed]
    figures: dict[str, float] = {}

    handler = MachineHandler()
    all_knocked(handler, forged[:20])  # what happens once a process is not measured

    def through(name: str, knocks: list[Packed], status: int) -> None:
        answers: list[int] = []
        figures[name] = cpu(lambda part: answers.extend(all_knocked(handler, part)), knocks)
        if set(answers) != {status}:
            raise SystemExit(f"{name}: answered {set(answers)}")

    through("forged_callback_cpu_s_per_1000", forged, 401)
    through("callback_cpu_s_per_1000", packed, 200)
    through("repeated_callback_cpu_s_per_1000", packed, 200)
    if Order.objects.filter(state="paid").count() != count:
        raise SystemExit("not every order was paid")
    charges = [(p, Charge(p.number, "paid", FEE, "42")) for p in payments(count)]
    figures["settle_cpu_s_per_1000"] = cpu(
        lambda part: [settlement.settle(*charge) for charge in part], charges
    )
    figures["verify_ratio_to_wechatpayv3"] = verifying(packed[:200])
    return figures


if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    sandbox()
    found = measure(int(sys.argv[1]))
    Path(sys.argv[2]).write_text(json.dumps(found))
