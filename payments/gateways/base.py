"""The contract of a payment gateway: what ours need and what every other one must do.

A gateway speaks one outside system's language. It knows numbers and sums, never orders, and
raises ``payments.errors.GatewayError``, which says whether trying again can help.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Request:
    """What to collect: our ``number``, ``amount`` in fen, a ``description`` for the payer.

    ``description`` is shown to the payer and kept by the gateway: no health data. ``client_ip`` is
    the payer's address (the gateway demands it), ``notify_url`` where it may knock.
    """

    number: str
    amount: int
    description: str
    client_ip: str
    notify_url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Charge:
    """What the gateway says of a payment.

    ``unknown`` means that it has never heard of the number. ``amount`` (fen) is given when paid.
    """

    number: str
    state: Literal["waiting", "paid", "closed", "unknown"]
    amount: int = 0
    transaction: str = ""
    paid_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Repayment:
    """What the gateway says of a refund."""

    number: str
    state: Literal["processing", "done", "failed", "unknown"]
    amount: int = 0
    says: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """What a genuine callback claims: a hint to ask, never a fact to book.

    ``number`` is ours: of a payment, or of a refund when ``about`` says so. ``amount`` in fen.
    """

    event: str
    about: Literal["payment", "refund"]
    number: str
    amount: int


@dataclass(frozen=True, slots=True)
class BillLine:
    """One line of the gateway's own account of a day: fen, below zero for a refund."""

    about: Literal["payment", "refund"]
    number: str
    amount: int


class Gateway(Protocol):
    """One payment gateway. All but ``read_callback`` and ``with_return`` go over the network."""

    name: str

    def start(self, request: Request) -> str:
        """Open a payment; the address that the payer's browser goes to."""
        ...

    def with_return(self, url: str, return_url: str) -> str:
        """``url`` such that the browser comes back to ``return_url`` afterwards."""
        ...

    def query(self, number: str) -> Charge:
        """Ask about a payment."""
        ...

    def close(self, number: str) -> None:
        """Make a payment impossible. Fine when it is closed or unknown already."""
        ...

    def refund(
        self, *, number: str, payment: str, amount: int, total: int, reason: str
    ) -> Repayment:
        """Give ``amount`` of the payment's ``total`` back. The same ``number`` twice is once."""
        ...

    def query_refund(self, number: str) -> Repayment:
        """Ask about a refund."""
        ...

    def read_callback(self, headers: Mapping[str, str], body: bytes) -> Notice:
        """Verify a callback and say what it claims; header names in lower case.

        Raises CallbackRefused.
        """
        ...

    def bill(self, day: str) -> list[BillLine]:
        """The gateway's account of ``day`` (YYYY-MM-DD, Shanghai)."""
        ...
