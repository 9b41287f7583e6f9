"""What our own transitions set going: the gateway's part, after the deciding transaction."""

from django.db import transaction

from kernel import outbox
from kernel.transitions import TransitionRow
from payments.tasks import tend


@outbox.on("order", "ask_refund", "retry_refund", "settle_late", "close")
def send_what_is_due(row: TransitionRow) -> None:
    """Do not wait for the next round of the clock."""
    transaction.on_commit(tend.delay, robust=True)
