"""The page of an archive that a person opens first: their data in words, in one file.

Invariant: the page loads nothing from anywhere, so that it can be read offline.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.translation import get_language

from consent.models import LegalBasis
from consent.requests.archives.article15 import current_purposes
from consent.requests.archives.collecting import PersonCopy
from consent.requests.archives.legible import person_in_words
from profiles.registry import registry

# Of each section; `data.json` has all of them.
MOST_ROWS = 500


def summary_of(copies: Sequence[PersonCopy], *, is_whole: bool, now: datetime) -> Iterator[str]:
    """Yield the page in pieces: its head, a piece for each person, and its end."""
    context = {
        "company": settings.COMPANY_NAME,
        "address": settings.PUBLIC_URL.rstrip("/") + "/privacy/",
        "language": get_language(),
        "is_whole": is_whole,
        "made_at": now,
    }
    yield render_to_string("consent/archive/head.html", context)
    for copy in copies:
        yield render_to_string("consent/archive/person.html", _person(copy))
    purposes = [
        purpose | {"basis": LegalBasis(purpose["legal_basis"]).label}
        for purpose in current_purposes()
    ]
    yield render_to_string("consent/archive/foot.html", context | {"purposes": purposes})


def _person(copy: PersonCopy) -> dict[str, Any]:
    sections, counts = {}, {}
    for data, rows in copy.sections():
        sections[data.title] = list(islice(rows, MOST_ROWS))
        counts[data.title] = len(sections[data.title]) + sum(1 for _ in rows)
    return {
        "data": person_in_words(copy.traits, sections, counts),
        "disclosures": registry.disclosures(copy.profile_id),
        "profile": copy.id,
    }
