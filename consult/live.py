"""The one place from which pages are pushed to: after commit, an id and nothing else.

A consumer that hears of an id renders the part for its own viewer (``consult.consumers``), so what
a viewer may not see never travels.
"""

import logging
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

from consult.models import Visit

log = logging.getLogger(__name__)


def console_group(institution: str) -> str:
    """Everyone at the console of one institution."""
    return f"console.{institution}"


def visit_group(visit_id: str) -> str:
    """The pages of one visit."""
    return f"visit.{visit_id}"


def queue_group(visit: Visit) -> str:
    """The patients who wait for the same doctor."""
    return f"queue.{visit.institution}.{visit.doctor.rpartition('/')[2]}"


def changed(visit: Visit) -> None:
    """The visit's state, payment or readiness is another: the board, both pages, the queue."""
    message = {"type": "visit.changed", "visit": visit.public_id}
    for group in (
        visit_group(visit.public_id),
        console_group(visit.institution),
        queue_group(visit),
    ):
        _after_commit(group, message)


def written(visit: Visit) -> None:
    """Something was written for the visit (its note, its diagnoses): the doctor's own pages."""
    _after_commit(visit_group(visit.public_id), {"type": "note.written", "visit": visit.public_id})


def referral_moved(referral_id: str, *, visit_id: str, institutions: tuple[str, ...]) -> None:
    """A referral has another state: boards of both institutions, the page of its visit."""
    message = {"type": "referral.moved", "referral": referral_id}
    for institution in institutions:
        _after_commit(console_group(institution), message)
    if visit_id:
        _after_commit(visit_group(visit_id), message)


def _after_commit(group: str, message: dict[str, Any]) -> None:
    transaction.on_commit(lambda: _send(group, message))


def _send(group: str, message: dict[str, Any]) -> None:
    layer = get_channel_layer()
    try:
        async_to_sync(layer.group_send)(group, message)
    except Exception as error:  # noqa: BLE001 - what is down is the push; pages re-read on reconnect
        log.warning("push failed: %s", type(error).__name__)
