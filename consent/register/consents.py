"""How consent goes over time: what is given and withdrawn a day, what ends soon, which texts lack.

Invariant: figures only; nobody is named.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db.models import Count
from django.db.models.functions import TruncDate

from consent.models import (
    ConsentEvent,
    ConsentKind,
    ConsentState,
    LegalBasis,
    NoticeVersion,
    Purpose,
    State,
)
from profiles.lib.days import store_day

DAYS = 30
_GIVEN = (State.GIVEN, State.RENEWED)
_ENDED = (State.WITHDRAWN, State.REFUSED)


class ConsentDay(NamedTuple):
    day: date
    given: int
    withdrawn: int


class PurposeTrend(NamedTuple):
    """One purpose that rests on consent: its days, the last of which is today, and what ends."""

    key: str
    title: str
    days: Sequence[ConsentDay]
    ends_soon: int

    @property
    def given(self) -> int:
        return sum(day.given for day in self.days)

    @property
    def withdrawn(self) -> int:
        return sum(day.withdrawn for day in self.days)


class LackingText(NamedTuple):
    """A notice that has no text to show now in a language."""

    key: str
    language: str


def consent_trends(*, now: datetime) -> list[PurposeTrend]:
    """Return the purposes that rest on consent with their last 30 days. Takes four queries."""
    today = store_day(now)
    days = [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    counts, ending = _counts_by_day(now - timedelta(days=DAYS)), _count_ending(now)
    purposes = Purpose.objects.filter(legal_basis=LegalBasis.CONSENT).order_by("key")
    titles: dict[str, str] = dict(
        purposes.values_list("key", "versions__title").order_by("versions__number")
    )
    return [
        PurposeTrend(
            purpose.key,
            titles.get(purpose.key, purpose.key),
            [ConsentDay(day, *counts[purpose.pk][day]) for day in days],
            ending[purpose.pk],
        )
        for purpose in purposes
    ]


def lacking_texts(*, now: datetime) -> list[LackingText]:
    """Return the notices without a current text, in each language that pages are in."""
    shown = NoticeVersion.objects.filter(shown_from__lte=now)
    current = {
        (key, language[:2]) for key, language in shown.values_list("key", "language").distinct()
    }
    keys = NoticeVersion.objects.order_by("key").values_list("key", flat=True).distinct()
    languages = [code[:2] for code, _ in settings.LANGUAGES]
    return [
        LackingText(key, language)
        for key in keys
        for language in languages
        if (key, language) not in current
    ]


def _counts_by_day(since: datetime) -> dict[int, dict[date, list[int]]]:
    rows = (
        ConsentEvent.objects.filter(
            kind=ConsentKind.CONSENT, received_at__gte=since, state__in=(*_GIVEN, *_ENDED)
        )
        .order_by()
        .annotate(day=TruncDate("received_at"))
        .values_list("purpose_id", "day", "state")
        .annotate(number=Count("pk"))
    )
    counts: dict[int, dict[date, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    for purpose_id, day, state, number in rows:
        counts[purpose_id or 0][day][0 if state in _GIVEN else 1] += number
    return counts


def _count_ending(now: datetime) -> Counter[int]:
    """Count the consents that end within 30 days, by purpose."""
    rows = (
        ConsentState.objects.filter(
            state__in=_GIVEN, valid_until__gt=now, valid_until__lte=now + timedelta(days=DAYS)
        )
        .order_by()
        .values_list("purpose_id")
        .annotate(number=Count("profile_id"))
    )
    return Counter(dict(rows))
