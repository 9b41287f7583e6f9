"""Brings messages to partner hospitals: in order per referral, again until they arrive.

A row of ``Delivery`` is claimed for ``LEASE`` and sent outside any database transaction. Whoever
dies meanwhile loses nothing: the lease ends, the message goes again, and the partner recognises it.
"""

import logging
import traceback
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet

from accounts import queries as people
from kernel.clock import now
from kernel.errors import Missing
from kernel.principal import SYSTEM
from records import store
from referrals.exchange.client import PartnerClient
from referrals.exchange.errors import PartnerError
from referrals.exchange.message import Body
from referrals.exchange.message import transaction as message
from referrals.models import Delivery, Referral

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=3)
FIRST_WAIT = timedelta(seconds=15)
LONGEST_WAIT = timedelta(hours=1)


def deliver_due() -> int:
    """Send every message that is due; return how many arrived."""
    arrived = 0
    while (delivery := _claim()) is not None:
        arrived += _deliver(delivery)
    return arrived


def _due() -> QuerySet[Delivery]:
    waiting = Delivery.objects.filter(delivered_at=None)
    earlier = waiting.filter(referral=OuterRef("referral"), pk__lt=OuterRef("pk"))
    due = waiting.filter(~Exists(earlier), permanent=False, due_at__lte=now())
    return due.order_by("due_at", "pk")


def _claim() -> Delivery | None:
    skip = connection.features.has_select_for_update_skip_locked
    with transaction.atomic():
        rows = _due().select_for_update(skip_locked=skip, of=("self",) if skip else ())
        delivery = rows.select_related("referral", "transition").first()
        if delivery is not None:
            delivery.attempts += 1
            delivery.due_at = now() + LEASE
            delivery.save(update_fields=["attempts", "due_at"])
    return delivery


def _deliver(delivery: Delivery) -> bool:
    try:
        _send(delivery)
    except PartnerError as error:
        _failed(delivery, error)
        return False
    except Exception as error:  # noqa: BLE001  one bad message must not hold up the others
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{type(error).__name__} at {frame.filename.rpartition('/')[2]}:{frame.lineno}"
        _failed(delivery, PartnerError("internal", place))
        return False
    delivery.delivered_at, delivery.error = now(), ""
    delivery.save(update_fields=["delivered_at", "error"])
    return True


def _send(delivery: Delivery) -> None:
    referral = delivery.referral
    try:
        base = people.partner_for(referral.to_institution).fhir_base
    except Missing:
        raise PartnerError("no-address", "no such partner") from None
    renew = "" if delivery.transition.name == "submit" else "Task"
    bundle = message(_content(referral), base=f"{settings.PUBLIC_URL}/fhir", renew=renew)
    with PartnerClient(base) as client:
        client.transaction(bundle)


def _content(referral: Referral) -> list[Body]:
    references = (
        referral.patient,
        referral.requester,
        f"Organization/{referral.from_institution}",
        f"Bundle/{referral.document_id}",
        f"ServiceRequest/{referral.service_request_id}",
        f"Task/{referral.task_id}",
    )
    return [_body(reference) for reference in references]


def _body(reference: str) -> Body:
    kind, _, logical_id = reference.partition("/")
    return store.read(kind, logical_id, by=SYSTEM).body


def _failed(delivery: Delivery, error: PartnerError) -> None:
    log.warning("delivery %s, attempt %s: %s", delivery.pk, delivery.attempts, error)
    delivery.error, delivery.permanent = error.kind, error.permanent
    delivery.due_at = now() + _wait(delivery.attempts, error.retry_after)
    delivery.save(update_fields=["error", "permanent", "due_at"])


def _wait(attempts: int, retry_after: int) -> timedelta:
    grown: timedelta = FIRST_WAIT * (1 << min(attempts - 1, 10))
    return min(max(grown, timedelta(seconds=retry_after)), LONGEST_WAIT)
