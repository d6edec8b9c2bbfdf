"""For load balancers and monitors: whether this process lives, and whether what it needs does.

Invariant: the answers name parts and numbers, never a message of an error.
"""

import logging
from collections.abc import Callable
from typing import Any

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import DurationField, ExpressionWrapper, F
from django.db.models.functions import Now
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from config.runtime.broker import broker_fault
from consent.services import check_suppression_key
from ingestion.models import InboxRow

logger = logging.getLogger(__name__)


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Alive: this process answers. Asks nobody else."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 if all that is needed is there, else 503. `inbox_lag_seconds` is for alarms: accepting goes on behind a
    slow worker, so that a long lag takes no web server out of service.
    """
    parts = {name: _holds(asked) for name, asked in PARTS.items()}
    is_ready = all(parts.values())
    body: dict[str, Any] = {
        "status": "ok" if is_ready else "unavailable",
        "checks": parts,
        "inbox_lag_seconds": inbox_lag_seconds() if is_ready else None,
    }
    return JsonResponse(body, status=200 if is_ready else 503)


def inbox_lag_seconds() -> float:
    """The age of the oldest accepted request that is not drained yet, 0 where there is none."""
    age = ExpressionWrapper(Now() - F("received_at"), output_field=DurationField())
    oldest = InboxRow.objects.order_by("id").values_list(age).first()
    return round(oldest[0].total_seconds(), 3) if oldest else 0.0


def _has_database() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return True


def _has_broker() -> bool:
    return broker_fault() is None


def _is_migrated() -> bool:
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def _has_suppression_keys() -> bool:
    """Without them erased people would come back, so nothing is drained either."""
    return not check_suppression_key()


def _holds(asked: Callable[[], bool]) -> bool:
    try:
        return asked()
    except (DatabaseError, OSError) as error:
        logger.warning("Not ready: %s", type(error).__name__)
        return False


PARTS = {
    "database": _has_database,
    "migrations": _is_migrated,
    "broker": _has_broker,
    "suppression_keys": _has_suppression_keys,
}
