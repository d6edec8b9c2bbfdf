"""The tab Use: what leans on a segment, who took its members, and the call that gets them."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from profiles.admin.kit.history import HistoryLine, history_lines
from profiles.models import AuditEntry
from segments.models import Segment
from segments.services import dependants

MAX_EXPORTS = 50
EXPORTED = "segment.exported"


def load_use(request: HttpRequest, segment: Segment) -> dict[str, Any]:
    """Return the contents of the tab. Takes six queries."""
    keys = dependants(segment.key)
    live = Segment.objects.filter(key__in=keys, status=Segment.Status.LIVE)
    return {
        "dependants": live.order_by("name"),
        "exports": exports_of(request, segment),
        "curl": curl_of(segment),
    }


def exports_of(request: HttpRequest, segment: Segment) -> list[HistoryLine]:
    """Return who took the members out of the system, the latest first."""
    entries = AuditEntry.objects.filter(
        object_type="segment", object_key=segment.key, verb=EXPORTED
    )
    return history_lines(request, entries.select_related("body").order_by("-id")[:MAX_EXPORTS])


def curl_of(segment: Segment) -> str:
    """Return the call that lists the members, of whom the purpose is permitted if it has one."""
    query = f"?purpose={segment.purpose.key}" if segment.purpose else ""
    url = f"{settings.PUBLIC_URL}/api/v1/segments/{segment.key}/members/{query}"
    return f'curl -H "Authorization: Bearer API_KEY" "{url}"'
