"""Telling controllers that a request has another status.

Callbacks are made of the log of a request, so that no change of status is forgotten wherever it was
made. Each goes out at least once, those of one request to one address in order, and is given up
after some days. Invariant: no transaction is open while another company's server is called.
"""

import json
import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Max, OuterRef, Subquery

from consent.models import RequestLogEntry, StatusCallback, SubjectRequest
from consent.opendsr.answers import status_body
from consent.opendsr.contract import changes_of_status
from consent.opendsr.signatures import signature_headers
from profiles.lib import outgoing
from profiles.lib.database import database_now
from profiles.lib.faults import retry_delay

logger = logging.getLogger(__name__)
GIVEN_UP_AFTER = timedelta(days=3)
# What is known of a callback that ended is deleted after this time; the request's log stays.
_KEPT = timedelta(days=30)


def send_callbacks() -> int:
    """Make the callbacks that are missing, send all that are due, and return how many arrived."""
    make_callbacks()
    arrived = 0
    # Each round sends the first to each address, so that they arrive in order.
    while count := sum(_try_to_send(callback) for callback in list(_due(database_now()))):
        arrived += count
    return arrived


def make_callbacks() -> int:
    """Make a callback for each address and each change of status since the last time."""
    last = (
        RequestLogEntry.objects.filter(request=OuterRef("request_id"))
        .values("request")
        .annotate(last=Max("pk"))
    )
    behind = SubjectRequest.objects.annotate(last_entry=Subquery(last.values("last"))).filter(
        last_entry__gt=F("announced_entry")
    )
    return sum(_make_for(pk) for pk in list(behind.values_list("pk", flat=True)))


def remove_old_callbacks() -> int:
    """Delete callbacks that ended long ago, and return how many."""
    old = StatusCallback.objects.filter(created_at__lte=database_now() - _KEPT)
    return old.exclude(delivered_at=None, abandoned_at=None).delete()[0]


@transaction.atomic
def _make_for(subject_request_id: int) -> int:
    row = SubjectRequest.objects.select_for_update().get(pk=subject_request_id)
    entries = RequestLogEntry.objects.filter(request=row.request_id).order_by("pk")
    steps = list(entries.values_list("pk", "status"))
    if not steps:
        return 0
    callbacks = [
        StatusCallback(subject_request=row, url=url, status=status)
        for number, status in changes_of_status(steps)
        if number > row.announced_entry
        for url in row.callback_urls
    ]
    StatusCallback.objects.bulk_create(callbacks)
    row.announced_entry = steps[-1][0]
    row.save(update_fields=["announced_entry"])
    return len(callbacks)


def _due(now: datetime) -> Iterator[StatusCallback]:
    """Yield what is to be sent now: of each request and address the first only."""
    waiting = StatusCallback.objects.filter(delivered_at=None, abandoned_at=None).order_by("pk")
    seen: set[tuple[int, str]] = set()
    for callback in waiting.select_related(
        "subject_request__request", "subject_request__controller"
    ):
        place = (callback.subject_request_id, callback.url)
        if place not in seen and callback.retry_at <= now:
            yield callback
        seen.add(place)


def _try_to_send(callback: StatusCallback) -> bool:
    attempts, now = callback.attempts + 1, database_now()
    row = StatusCallback.objects.filter(pk=callback.pk)
    # One conditional update: of two workers one sends it. A worker that is killed leaves it due.
    claimed = row.filter(attempts=callback.attempts, delivered_at=None).update(
        attempts=attempts, retry_at=now + retry_delay(attempts)
    )
    if claimed != 1:
        return False
    failure = _send(callback, now)
    if not failure:
        row.update(delivered_at=database_now(), failure="")
        return True
    is_over = now - callback.created_at >= GIVEN_UP_AFTER
    row.update(failure=failure, abandoned_at=now if is_over else None)
    logger.warning("Callback %s failed: %s.", callback.pk, failure)
    return False


def _send(callback: StatusCallback, now: datetime) -> str:
    """Send a callback; return why it did not arrive, or an empty text."""
    subject_request = callback.subject_request
    # The controller may have given up a host since.
    if outgoing.host_of(callback.url) not in subject_request.controller.callback_hosts:
        return "host_not_registered"
    body = {
        **status_body(subject_request, callback.status),
        "status_callback_url": callback.url,
    }
    content = json.dumps(body).encode()
    # The same id at each attempt: by it the receiver knows a repeat.
    headers = signature_headers(content, message_id=f"opendsr-{callback.pk}", now=now)
    headers["Content-Type"] = "application/json"
    try:
        status = outgoing.post(callback.url, content, headers)
    except outgoing.NotCalled as error:
        return error.code
    return "" if 200 <= status < 300 else f"status_{status}"
