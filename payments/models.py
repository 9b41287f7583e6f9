"""Orders, what was tried to pay them, refunds, and the books."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q

from kernel.clock import now
from kernel.ids import new_id
from kernel.transitions import Stateful, TransitionRow, state_constraint
from kernel.workflow import Workflow
from payments.workflow import ORDER


class Order(Stateful):
    """What one purpose costs and who pays which part; amounts in fen.

    ``purpose`` names what is paid for in the words of whoever opened the order
    (``visit:<public id>``); payments never looks behind it.
    """

    workflow: ClassVar[Workflow] = ORDER

    purpose = models.CharField(max_length=80, db_index=True)
    payer = models.CharField(max_length=120)
    institution = models.CharField(max_length=64)
    description = models.CharField(max_length=120)
    gateway = models.CharField(max_length=20, blank=True)
    fee = models.PositiveBigIntegerField()
    fund = models.PositiveBigIntegerField(default=0)
    account = models.PositiveBigIntegerField(default=0)
    cash = models.PositiveBigIntegerField()
    created_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField()
    paid_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-id",)
        indexes = (
            models.Index(fields=("institution", "-id")),
            models.Index(fields=("payer", "-id")),
            models.Index(
                fields=("expires_at",),
                condition=Q(state__in=("created", "awaiting_payment")),
                name="payments_order_open",
            ),
        )
        constraints = (
            state_constraint(ORDER),
            models.CheckConstraint(
                condition=Q(fee=F("fund") + F("account") + F("cash")), name="order_adds_up"
            ),
            models.UniqueConstraint(
                fields=("purpose",), condition=~Q(state="closed"), name="order_once_per_purpose"
            ),
        )


class OrderTransition(TransitionRow):
    """What happened to an order."""

    thing = models.ForeignKey(Order, models.PROTECT, related_name="transitions")

    class Meta(TransitionRow.Meta):
        abstract = False


def payment_number() -> str:
    """A number for a gateway: 32 letters and digits, never used before."""
    return new_id().replace("-", "")


class Payment(models.Model):
    """One attempt to collect an order's cash at a gateway.

    ``number`` is our number there (``out_trade_no``). Written before the gateway is asked, so
    that a crash in between leaves something to ask about. ``ask_at`` is when to ask the gateway
    next; null when nothing more is expected.
    """

    order = models.ForeignKey(Order, models.PROTECT, related_name="payments")
    gateway = models.CharField(max_length=20)
    number = models.CharField(max_length=32, unique=True, default=payment_number, editable=False)
    amount = models.PositiveBigIntegerField()
    url = models.TextField(blank=True)
    created_at = models.DateTimeField(default=now)
    started_at = models.DateTimeField(null=True)
    paid_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    transaction = models.CharField(max_length=64, blank=True)
    ask_at = models.DateTimeField(null=True)
    asked = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ("id",)
        indexes = (
            models.Index(
                fields=("ask_at",), condition=Q(ask_at__isnull=False), name="payments_payment_ask"
            ),
        )
        constraints = (
            models.CheckConstraint(condition=Q(amount__gt=0), name="payment_of_something"),
            models.UniqueConstraint(
                fields=("order",),
                condition=Q(paid_at=None, closed_at=None),
                name="payment_one_open_per_order",
            ),
        )

    def __str__(self) -> str:
        return f"payment {self.number}"

    @property
    def is_open(self) -> bool:
        """True while the gateway may still collect it, as far as we know."""
        return self.paid_at is None and self.closed_at is None


class Refund(models.Model):
    """All the money of one payment, going back.

    One row a payment, by the database's own constraint, with the payment's own amount: a second
    refund or a larger one cannot be written. ``number`` is our number at the gateway
    (``out_refund_no``); a failed refund gets a fresh one when it is tried again.
    """

    payment = models.OneToOneField(Payment, models.PROTECT, related_name="refund")
    number = models.CharField(max_length=32, unique=True, default=payment_number)
    reason = models.CharField(max_length=80)
    # A late or second payment goes back without moving its order's state.
    surplus = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=now)
    sent_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    failure = models.CharField(max_length=64, blank=True)
    ask_at = models.DateTimeField(null=True, default=now)
    asked = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ("id",)
        indexes = (
            models.Index(
                fields=("ask_at",), condition=Q(ask_at__isnull=False), name="payments_refund_ask"
            ),
        )

    def __str__(self) -> str:
        return f"refund {self.number}"

    @property
    def amount(self) -> int:
        """Fen: always the payment's own."""
        return self.payment.amount


class Callback(models.Model):
    """What a gateway knocked with, as it came; kept before anybody believes it.

    ``verdict`` is empty until it is judged, then ``settled``, ``repeated`` or the word of the
    refusal. The body of a genuine one is encrypted by the gateway; it is kept that way.
    """

    gateway = models.CharField(max_length=20)
    event = models.CharField(max_length=64, blank=True)
    headers = models.JSONField(default=dict)
    body = models.BinaryField(max_length=65536)
    received_at = models.DateTimeField(default=now, db_index=True)
    verdict = models.CharField(max_length=24, blank=True)

    class Meta:
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(
                fields=("gateway", "event"), condition=~Q(event=""), name="callback_event_once"
            ),
        )

    def __str__(self) -> str:
        return f"callback {self.pk} of {self.gateway} ({self.verdict or 'open'})"


class Reconciliation(models.Model):
    """What came of comparing one day with a gateway's bill; sums in fen.

    ``differences`` holds ``payments.reconciliation.Difference`` as objects; empty is good.
    """

    gateway = models.CharField(max_length=20)
    day = models.DateField()
    at = models.DateTimeField(default=now)
    lines = models.PositiveIntegerField()
    received = models.PositiveBigIntegerField()
    returned = models.PositiveBigIntegerField()
    differences = models.JSONField(default=list)

    class Meta:
        ordering = ("-day", "gateway")
        constraints = (
            models.UniqueConstraint(fields=("gateway", "day"), name="reconciliation_once_a_day"),
        )

    def __str__(self) -> str:
        return f"{self.gateway} {self.day}"


class LedgerAccount(models.Model):
    """One account in the books of one institution, named by a word of ``payments.ledger``."""

    institution = models.CharField(max_length=64)
    code = models.CharField(max_length=40)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("institution", "code"), name="ledger_account_once"),
        )

    def __str__(self) -> str:
        return f"{self.code} of {self.institution}"


class Unchanging(models.Model):
    """A row that is written once. PostgreSQL refuses changes too (migration 0002)."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write a new row. Raises TypeError for one that is there."""
        if not self._state.adding:
            raise TypeError("the ledger is never changed; write a reversal")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Never. Raises TypeError."""
        raise TypeError("the ledger is never changed; write a reversal")


class LedgerEntry(Unchanging):
    """One thing that happened in the books. ``key`` says what, and makes it happen once."""

    key = models.CharField(max_length=80, unique=True)
    order = models.ForeignKey(Order, models.PROTECT, related_name="entries")
    at = models.DateTimeField(default=now)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return self.key


class LedgerPosting(Unchanging):
    """One line of an entry, fen: debit above zero, credit below; an entry's lines sum to zero."""

    entry = models.ForeignKey(LedgerEntry, models.PROTECT, related_name="postings")
    account = models.ForeignKey(LedgerAccount, models.PROTECT, related_name="postings")
    amount = models.BigIntegerField()

    class Meta:
        ordering = ("id",)
        constraints = (models.CheckConstraint(condition=~Q(amount=0), name="posting_of_something"),)

    def __str__(self) -> str:
        return f"{self.amount} on {self.account_id}"
