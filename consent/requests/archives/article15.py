"""What article 15(1) and (2) of the GDPR demands beside the data themselves."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.conf import settings

from consent.purposes.versions import current_versions
from consent.requests.archives.collecting import PersonCopy
from consent.requests.subjects import Subject
from profiles.models import Source, SourceRecord
from profiles.registry import registry

RIGHTS = (
    "You may have wrong data corrected (article 16), have data erased (article 17), have "
    "processing restricted (article 18), take away what you gave and what was observed of you "
    "(article 20), object to processing and to direct marketing at any time (article 21), "
    "withdraw a consent at any time (article 7), and complain to a supervisory authority "
    "(article 77)."
)
LOGIC = (
    "Profiles are sorted into segments by the rules below, which a program applies to the data in "
    "this copy. A purpose that takes decisions by such means alone is marked "
    "`is_automated_decision`."
)
_PURPOSE_FIELDS = (
    "title",
    "text",
    "legal_basis",
    "special_basis",
    "categories",
    "recipients",
    "retention",
    "is_direct_marketing",
    "is_profiling",
    "is_automated_decision",
    "transfer_countries",
)


def information_about(subject: Subject, *, now: datetime) -> dict[str, Any]:
    """Return purposes, sources and rights, as they are now."""
    sources = SourceRecord.objects.filter(identifier_id__in=subject.identifier_ids)
    return {
        "made_at": now,
        "controller": {"name": settings.COMPANY_NAME, "url": settings.PUBLIC_URL},
        "purposes": list(current_purposes()),
        "sources": list(
            Source.objects.filter(pk__in=sources.values("source_id")).values("key", "name", "party")
        ),
        "rights": RIGHTS,
    }


def handling_of(copy: PersonCopy) -> dict[str, Any]:
    """Return to whom a person's data went, and by which rules they were sorted."""
    segments = next(rows for data, rows in copy.sections() if data.title == "Segments")
    return {
        "id": copy.id,
        "recipients": [
            {"name": each.name, "kind": each.kind, "last_at": each.last_at}
            for each in registry.disclosures(copy.profile_id)
        ],
        "profiling": {"logic": LOGIC, "segments": list(segments)},
    }


def current_purposes() -> Iterator[dict[str, Any]]:
    """Yield the terms of each purpose as they are now, by its key."""
    for version in current_versions():
        terms = {name: getattr(version, name) for name in _PURPOSE_FIELDS}
        yield {"key": version.purpose.key} | terms
