"""The books: double entry, in fen, never changed, only added to.

Accounts, each per institution:

``gateway:<name>``    money that lies at a payment gateway for us (asset)
``insurance-fund``    what the insurance fund owes us (asset)
``insurance-account`` what patients' insurance accounts owe us (asset)
``income``            fees earned (income; credit, so its balance is below zero)
``owed-to-patient``   money to give back (liability; credit, so its balance is below zero)
"""

from collections.abc import Iterable, Mapping

from django.db import transaction
from django.db.models import Sum

from payments.models import LedgerAccount, LedgerEntry, LedgerPosting, Order, Payment, Refund

INCOME = "income"
OWED = "owed-to-patient"
FUND = "insurance-fund"
ACCOUNT = "insurance-account"


class Unbalanced(ValueError):
    """The lines of an entry do not sum to zero."""


def at_gateway(name: str) -> str:
    """The account of money at the gateway ``name``."""
    return f"gateway:{name}"


def post(order: Order, key: str, lines: Mapping[str, int]) -> bool:
    """Write one entry of ``lines`` (account code -> fen, debit above zero); zeros are left out.

    ``key`` makes it happen once: True when written now, False when it was there already.
    Raises Unbalanced. Call it in the transaction of what it books, with the order locked: the
    lock is what keeps two callers from finding the key free at once.
    """
    if sum(lines.values()) != 0:
        raise Unbalanced(f"{key}: debit and credit differ")
    with transaction.atomic(savepoint=False):
        if LedgerEntry.objects.filter(key=key).exists():
            return False
        entry = LedgerEntry.objects.create(key=key, order=order)
        wanted = {code: amount for code, amount in lines.items() if amount}
        accounts = _accounts(order.institution, wanted)
        LedgerPosting.objects.bulk_create(
            LedgerPosting(entry=entry, account=accounts[code], amount=amount)
            for code, amount in wanted.items()
        )
    return True


def _accounts(institution: str, codes: Iterable[str]) -> dict[str, LedgerAccount]:
    kept = LedgerAccount.objects.filter(institution=institution, code__in=codes)
    found = {account.code: account for account in kept}
    for code in codes:
        if code not in found:
            new = LedgerAccount.objects.get_or_create(institution=institution, code=code)
            found[code] = new[0]
    return found


def book_settled(order: Order) -> bool:
    """The order is paid: fee earned, its parts received or claimed."""
    lines = {FUND: order.fund, ACCOUNT: order.account, INCOME: -order.fee}
    return post(
        order, f"settle:{order.public_id}", {at_gateway(order.gateway): order.cash, **lines}
    )


def book_surplus(payment: Payment) -> bool:
    """Money came that the order does not want (late, or a second time): owed to the patient."""
    lines = {at_gateway(payment.gateway): payment.amount, OWED: -payment.amount}
    return post(payment.order, f"surplus:{payment.number}", lines)


def book_refund_due(order: Order) -> bool:
    """The fee is not earned after all: insurance claims fall away, the cash is owed back."""
    lines = {INCOME: order.fee, FUND: -order.fund, ACCOUNT: -order.account, OWED: -order.cash}
    return post(order, f"refund-due:{order.public_id}", lines)


def book_refunded(refund: Refund) -> bool:
    """The gateway gave the money back."""
    payment = refund.payment
    lines = {OWED: payment.amount, at_gateway(payment.gateway): -payment.amount}
    return post(payment.order, f"refunded:{payment.number}", lines)


def balances(*, institution: str | None = None, order: Order | None = None) -> dict[str, int]:
    """Fen per account code, debit above zero: of an institution, of an order, or of everything."""
    postings = LedgerPosting.objects.all()
    if institution is not None:
        postings = postings.filter(account__institution=institution)
    if order is not None:
        postings = postings.filter(entry__order=order)
    rows = postings.order_by().values_list("account__code").annotate(total=Sum("amount"))
    return {code: int(total) for code, total in rows}


def balance(code: str, order: Order) -> int:
    """Fen on the account ``code`` for ``order``; ``owed-to-patient`` counts as owed, above zero."""
    amount = balances(order=order).get(code, 0)
    return -amount if code in (OWED, INCOME) else amount
