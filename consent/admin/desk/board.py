"""The board of requests, by the days that are left.

Invariant: the number of queries does not grow with the number of requests, and at most `MOST_CARDS`
open ones are read.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from consent.models import PrivacyRequest
from consent.requests.deadlines import days_left, open_requests, time_left
from consent.requests.statuses import CLOSED, Door, Status
from consent.services import waiting_bulks
from profiles.admin.kit.base import staff_actor
from profiles.admin.kit.masks import Mask, mask_for
from profiles.admin.kit.people import display_name
from profiles.models import Identifier, Profile
from profiles.services import note_list

MOST_CARDS = 400
MOST_CLOSED = 30
LATELY = timedelta(days=7)
_COLUMNS: tuple[tuple[str, str | Promise], ...] = (
    ("overdue", _("Overdue")),
    ("3", _("3 days at most")),
    ("10", _("10 days at most")),
    ("later", _("Later")),
    ("proof", _("Waiting for a proof")),
    ("closed", _("Closed lately")),
)


@dataclass(frozen=True, slots=True)
class Card:
    """One request on the board, and how many others say the same."""

    request: PrivacyRequest
    person: str
    is_known: bool
    urgency: tuple[str, str]
    duplicates: int
    is_answer_due: bool


class Column(NamedTuple):
    key: str
    title: str | Promise
    cards: Sequence[Card]


def board_context(request: HttpRequest) -> dict[str, Any]:
    """Return the columns of the board with their cards."""
    now, mask = timezone.now(), mask_for(request)
    rows = [*open_requests().select_related("owner")[:MOST_CARDS], *_closed_lately(now)]
    people = _people_of(rows, mask)
    same = _count_same(rows)
    columns: dict[str, list[Card]] = defaultdict(list)
    for row in rows:
        columns[_column_of(row, now)].append(
            Card(
                request=row,
                person=people.get(row.pk, ""),
                is_known=row.pk in people,
                urgency=time_left(row),
                duplicates=same[row.pk],
                is_answer_due=needs_answer(row),
            )
        )
    note_list(len(people), reader=staff_actor(request), is_open=mask.is_open)
    return {
        "columns": [Column(key, title, columns[key]) for key, title in _COLUMNS],
        "bulks": list(waiting_bulks()[:MOST_CLOSED]),
        "user_id": request.user.pk,
    }


def needs_answer(row: PrivacyRequest) -> bool:
    """Whether staff have yet to tell the person how it ended: other doors show it themselves."""
    is_shown = row.door != Door.STAFF or row.duplicate_of_id is not None
    return row.status in CLOSED and row.answered_at is None and not is_shown


def _closed_lately(now: datetime) -> Iterable[PrivacyRequest]:
    closed = PrivacyRequest.objects.filter(status__in=CLOSED, done_at__gte=now - LATELY)
    return closed.select_related("owner").order_by("-done_at")[:MOST_CLOSED]


def _column_of(row: PrivacyRequest, now: datetime) -> str:
    if row.status in CLOSED:
        return "closed"
    days = days_left(row, now)
    if days < 0:
        return "overdue"
    if row.status == Status.AWAITING_VERIFICATION:
        return "proof"
    return "3" if days <= 3 else "10" if days <= 10 else "later"


def _people_of(rows: Iterable[PrivacyRequest], mask: Mask) -> dict[Any, str]:
    """Return the name of one person of each request that is about somebody whom we hold."""
    wanted = {pk for row in rows for pk in row.identifier_ids}
    identifiers = Identifier.objects.filter(pk__in=wanted, profile__isnull=False)
    holders = dict(identifiers.values_list("pk", "profile_id"))
    profiles = {each.pk: each for each in Profile.objects.filter(pk__in=set(holders.values()))}
    names: dict[Any, str] = {}
    for row in rows:
        holder = next((holders[pk] for pk in row.identifier_ids if pk in holders), None)
        profile = profiles.get(holder or 0)
        if profile is not None:
            names[row.pk] = display_name(profile.traits, mask) or f"…{str(profile.uuid)[-12:]}"
    return names


def _count_same(rows: Sequence[PrivacyRequest]) -> dict[Any, int]:
    """Count for each open request the others of its kind about any of the same identifiers."""
    holders: dict[tuple[str, object], set[Any]] = defaultdict(set)
    for row in rows:
        for key in _keys_of(row):
            holders[key].add(row.pk)
    return {
        row.pk: len(set().union(*(holders[key] for key in _keys_of(row))) - {row.pk})
        for row in rows
    }


def _keys_of(row: PrivacyRequest) -> list[tuple[str, object]]:
    if row.status in CLOSED:
        return []
    return [(row.kind, key) for key in (*row.identifier_ids, *row.body.get("references", ()))]
