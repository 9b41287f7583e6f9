"""What an operator's machines ask: is it alive, is it ready, how is it doing."""

from collections.abc import Callable

import redis
from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest

from kernel import outbox
from signaling import services as signaling

OUTBOX = Gauge("tongzhen_outbox_backlog", "Transitions that higher floors have not heard of yet")


async def alive(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return HttpResponse("ok", content_type="text/plain")


def ready(request: HttpRequest) -> JsonResponse:
    """Each thing that serving needs, with ``ok`` or what is wrong; 503 when any is not ok."""
    checks = {
        "database": _database,
        "migrations": _migrations,
        "redis": _redis,
        "media": signaling.media_ready,
    }
    found = {name: _said(check) for name, check in checks.items()}
    good = all(word == "ok" for word in found.values())
    return JsonResponse({"ready": good, **found}, status=200 if good else 503)


def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text."""
    OUTBOX.set(outbox.backlog())
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)


def _said(check: Callable[[], bool]) -> str:
    try:
        return "ok" if check() else "not ready"
    except Exception as error:  # noqa: BLE001  whatever is wrong, an operator is told its kind
        return type(error).__name__


def _database() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return bool(cursor.fetchone())


def _migrations() -> bool:
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def _redis() -> bool:
    return not settings.REDIS_URL or bool(redis.Redis.from_url(settings.REDIS_URL).ping())
