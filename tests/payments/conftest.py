"""The sandbox gateway, really on a port, speaking signed HTTP; emptied for each test."""

from collections.abc import Callable, Iterator
from dataclasses import fields

import pytest
from django.db import connection
from django.test import Client

from payments.models import (
    Callback,
    LedgerEntry,
    LedgerPosting,
    Order,
    OrderTransition,
    Payment,
    Refund,
)
from tests.fakes.gateway import keys
from tests.fakes.gateway.app import Gateway
from tests.fakes.gateway.notices import Faults, Notice
from tests.fakes.gateway.server import Running, free_port

TABLES = (Order, OrderTransition, Payment, Refund, LedgerEntry, LedgerPosting)
URL = "/pay/callback/wechat"


@pytest.fixture(scope="session")
def running(tmp_path_factory) -> Iterator[Gateway]:
    """The sandbox on its port, which does nothing by itself."""
    port = free_port()
    made = keys.make(tmp_path_factory.mktemp("keys"))
    gateway = Gateway(made, url=f"http://127.0.0.1:{port}", posting=False)
    with Running(gateway, port):
        yield gateway


@pytest.fixture
def sandbox(running: Gateway, settings) -> Gateway:
    """The sandbox, empty and without faults; the settings lead to it."""
    settings.WECHAT_PAY = running.keys.settings(running.url)
    running.books.trades.clear()
    running.books.refunds.clear()
    running.notices.waiting.clear()
    running.asked.clear()
    for fault in fields(Faults):
        setattr(running.faults, fault.name, fault.default)
    return running


Knock = Callable[..., int]


@pytest.fixture
def knock() -> Knock:
    """Post a callback to us; the status of our answer."""
    client = Client()

    def post(body: bytes, headers: dict[str, str], url: str = URL) -> int:
        sent = {name: value for name, value in headers.items() if name != "Content-Type"}
        answer = client.post(url, body, content_type="application/json", headers=sent)
        return answer.status_code

    return post


@pytest.fixture
def deliver(sandbox: Gateway, knock: Knock) -> Callable[[], list[int]]:
    """Deliver every callback that waits; our answers."""

    def all_waiting() -> list[int]:
        statuses = []
        while sandbox.notices.waiting:
            notice: Notice = sandbox.notices.waiting.popleft()
            statuses.append(knock(*sandbox.notices.packed(notice)))
        return statuses

    return all_waiting


@pytest.fixture
def written() -> Callable[[], dict[str, list[object]]]:
    """Everything that the house has written about money, to compare before and after."""

    def rows() -> dict[str, list[object]]:
        return {table.__name__: list(table.objects.order_by("pk").values()) for table in TABLES}

    return rows


@pytest.fixture
def knock_in_vain(knock: Knock, written) -> Knock:
    """Post a callback that must change nothing; the status of our answer."""

    def post(body: bytes, headers: dict[str, str]) -> int:
        before = written()
        status = knock(body, headers)
        assert written() == before
        return status

    return post


@pytest.fixture(autouse=True)
def books_balance(request) -> Iterator[None]:
    """After every test the books are balanced: the whole, and every entry."""
    yield
    if request.node.get_closest_marker("django_db") and not connection.needs_rollback:
        totals: dict[int, int] = {}
        for entry, amount in LedgerPosting.objects.values_list("entry", "amount"):
            totals[entry] = totals.get(entry, 0) + amount
        assert set(totals.values()) <= {0}


def refusals() -> list[str]:
    """The verdicts of kept callbacks, oldest first."""
    return list(Callback.objects.values_list("verdict", flat=True))
