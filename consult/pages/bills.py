"""Bills: the day, orders, ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from consult.pages.shared import Action, Badge, Event, Money, Notice, Tab


@dataclass(frozen=True, slots=True)
class BillTotals:
    """The day's money at one look."""

    count: int
    money: Money
    refunds: int = 0
    refunds_due: int = 0
    stuck: int = 0


@dataclass(frozen=True, slots=True)
class OrderRow:
    """One order."""

    id: str
    at: datetime
    name: str
    what: str
    money: Money
    state: Badge
    url: str = ""
    selected: bool = False
    actions: Sequence[Action] = ()


@dataclass(frozen=True, slots=True)
class Balance:
    """An account of the ledger and its balance in fen."""

    label: str
    amount: int


@dataclass(frozen=True, slots=True)
class OrderPage:
    """One order in full: ``console/_order.html``."""

    number: str
    name: str
    what: str
    money: Money
    state: Badge
    gateway: str = ""
    history: Sequence[Event] = ()
    notice: Notice | None = None
    actions: Sequence[Action] = ()


@dataclass(frozen=True, slots=True)
class BillsPage:
    """``console/bills.html``."""

    totals: BillTotals
    orders: Sequence[OrderRow] = ()
    balances: Sequence[Balance] = ()
    order: OrderPage | None = None
    tabs: Sequence[Tab] = ()
