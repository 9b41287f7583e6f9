"""What follows from transitions of referrals."""

from django.db import transaction

from kernel import outbox
from kernel.transitions import TransitionRow
from referrals.models import Delivery
from referrals.services import close_record
from referrals.tasks import wake


@outbox.on("referral", "submit", "answer", "withdraw", "ask_cancel", "close")
def tell_partner(row: TransitionRow) -> None:
    """The receiving hospital must hear of what our side did."""
    if row.from_state == "draft" and row.name != "submit":
        return  # it never heard of the referral
    Delivery.objects.get_or_create(transition_id=row.pk, defaults={"referral": row.thing})
    transaction.on_commit(wake)


@outbox.on("referral", "decline", "withdraw", "confirm_cancel")
def keep_record_closed(row: TransitionRow) -> None:
    """A hospital that does not treat the patient has no business with the record."""
    close_record(row.thing)
