"""Health probes for load balancers and monitors.

Invariant: a response names parts and numbers, and never the message of an error, which may hold
personal data.
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

from config.demo.progress import current_progress
from config.ownership import ledger_is_protected
from config.runtime.broker import broker_fault
from consent.services import check_suppression_key, count_failed_requests, journal_fault
from ingestion.models import InboxRow
from ingestion.services import drain_is_paused, pause_reason
from segments.services import count_failed

logger = logging.getLogger(__name__)


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer that this process is alive, without a query to any other server."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 if every check passes, and 503 if not.

    `inbox_lag_seconds` and `set_apart` are for alarms: how long the oldest request waits, and how
    many segments and privacy requests failed and wait to be tried again. Neither takes a web server
    out of service, since requests are still accepted. `drain_paused_by` names the error for which
    nothing is drained, `privacy_journal_fault` says what is wrong with that journal,
    `ledger_protected` whether the database refuses the application's role to change the ledger of
    consents, and `demo` says how far the demo is that is being loaded.
    """
    results = {name: _passes(check) for name, check in CHECKS.items()}
    is_ready = all(results.values())
    body: dict[str, Any] = {
        "status": "ok" if is_ready else "unavailable",
        "checks": results,
        "drain_paused_by": None if results["drain"] else _reason_of_pause(),
        "privacy_journal_fault": _fault_of_journal(),
        # These are read from the database, which may be what is missing.
        "inbox_lag_seconds": inbox_lag_seconds() if is_ready else None,
        "set_apart": set_apart() if is_ready else None,
        "ledger_protected": ledger_is_protected() if is_ready else None,
    }
    if progress := current_progress():
        body["demo"] = progress._asdict()
    return JsonResponse(body, status=200 if is_ready else 503)


def set_apart() -> dict[str, int]:
    """Return how many pieces of work failed and wait to be tried again, by their kind."""
    return {"segments": count_failed(), "privacy_requests": count_failed_requests()}


def inbox_lag_seconds() -> float:
    """Return the age of the oldest request that is not drained yet, or 0 if the inbox is empty."""
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
    # Without them erased people would not be recognised, so that nothing is drained either.
    return not check_suppression_key()


def _has_journal() -> bool:
    # Behind the privacy journal nothing is shown nor sent. That it lacks lines stops nothing.
    return journal_fault() in (None, "lines_missing")


def _is_draining() -> bool:
    return not drain_is_paused()


def _reason_of_pause() -> str | None:
    try:
        return pause_reason()
    except DatabaseError:
        # It is the database that is missing.
        return None


def _fault_of_journal() -> str | None:
    try:
        return journal_fault()
    except (DatabaseError, OSError):
        return None


def _passes(check: Callable[[], bool]) -> bool:
    try:
        return check()
    except (DatabaseError, OSError) as error:
        # The type only, since the message may quote a host or a value.
        logger.warning("Not ready: %s", type(error).__name__)
        return False


# By the names that the response gives them.
CHECKS: dict[str, Callable[[], bool]] = {
    "database": _has_database,
    "migrations": _is_migrated,
    "broker": _has_broker,
    "suppression_keys": _has_suppression_keys,
    "privacy_journal": _has_journal,
    "drain": _is_draining,
}
