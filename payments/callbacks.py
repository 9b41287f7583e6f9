"""The gateways' door: a callback is a knock, not a fact.

Verified first, kept as it came, then the gateway itself is asked and its answer settled. The same
callback again, late, or before another one that happened earlier, ends in the same books.
"""

import logging
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from prometheus_client import Counter

from kernel.clock import now
from payments import inquiries
from payments.errors import CallbackRefused, GatewayError, NotConfigured
from payments.gateways import gateway
from payments.gateways.base import Notice
from payments.models import Callback, Payment, Refund

log = logging.getLogger(__name__)

LARGEST = 64 * 1024
# Whoever is refused costs us a row; beyond this many an hour they are counted only.
REFUSED_KEPT = 200
REFUSED_DAYS = 30
STATUS = {
    "settled": 200,
    "repeated": 200,
    "number": 404,
    "size": 413,
    "waiting": 503,
    "away": 503,
    "off": 503,
}
REFUSED = 401

CALLBACKS = Counter("tongzhen_pay_callbacks", "Callbacks of gateways, by verdict", ["verdict"])


@csrf_exempt
@require_POST
def callback(request: HttpRequest, name: str) -> JsonResponse:
    """``/pay/callback/<gateway>``: 200 when settled, else a status that makes the gateway retry."""
    verdict = _judge(request, name)
    CALLBACKS.labels(verdict).inc()
    status = STATUS.get(verdict, REFUSED)
    if status == 200:
        return JsonResponse({"code": "SUCCESS"})
    log.warning("callback of %s: %s", name, verdict)
    return JsonResponse({"code": "FAIL", "message": verdict}, status=status)


def _judge(request: HttpRequest, name: str) -> str:
    length = request.headers.get("Content-Length", "")
    if (length.isdecimal() and int(length) > LARGEST) or len(request.body) > LARGEST:
        return "size"
    headers = {key.lower(): value for key, value in request.headers.items()}
    try:
        notice = gateway(name).read_callback(headers, request.body)
    except NotConfigured:
        return "off"
    except CallbackRefused as refused:
        _keep_refused(name, headers, request.body, refused.reason)
        return refused.reason
    kept = _keep(name, headers, request.body, notice.event)
    if kept.verdict == "settled":
        return "repeated"
    kept.verdict = _settle(name, notice)
    kept.save(update_fields=["verdict"])
    return kept.verdict


def _settle(name: str, notice: Notice) -> str:
    """Compare with what we know, ask the gateway, book its answer; the verdict in one word."""
    row = _row(name, notice)
    if row is None:
        return "number"
    if row.amount != notice.amount:
        return "amount"
    try:
        if isinstance(row, Payment):
            return "settled" if inquiries.ask(row).paid_at else "waiting"
        row = inquiries.pursue(row)
        return "settled" if row.done_at or row.failed_at else "waiting"
    except GatewayError as error:
        log.warning("%s: %s", row, error.says)
        return "away"


def _row(name: str, notice: Notice) -> Payment | Refund | None:
    if notice.about == "payment":
        payments = Payment.objects.select_related("order")
        return payments.filter(gateway=name, number=notice.number).first()
    refunds = Refund.objects.select_related("payment__order")
    return refunds.filter(payment__gateway=name, number=notice.number).first()


def _keep(name: str, headers: dict[str, str], body: bytes, event: str) -> Callback:
    """The kept callback of this event: a new row, or the one of its first arrival."""
    found = Callback.objects.filter(gateway=name, event=event).first()
    if found is not None:
        return found
    try:
        with transaction.atomic():
            return Callback.objects.create(
                gateway=name, event=event, headers=_own(headers), body=body
            )
    except IntegrityError:  # its twin arrived at the same moment
        return Callback.objects.get(gateway=name, event=event)


def _keep_refused(name: str, headers: dict[str, str], body: bytes, reason: str) -> None:
    lately = Callback.objects.filter(event="", received_at__gte=now() - timedelta(hours=1))
    if lately.count() < REFUSED_KEPT:
        Callback.objects.create(gateway=name, headers=_own(headers), body=body, verdict=reason)


def _own(headers: dict[str, str]) -> dict[str, str]:
    """The headers that signatures need; the others may hold what is not ours to keep."""
    return {key: value[:600] for key, value in headers.items() if key.startswith("wechatpay-")}


def forget_refused() -> int:
    """Delete refused callbacks that are too old to explain anything; how many."""
    old = Callback.objects.filter(event="", received_at__lt=now() - timedelta(days=REFUSED_DAYS))
    return old.delete()[0]
