"""The rows that holds keep of erased people, out of the stores that they were in.

Invariant: a row is copied in the transaction that deletes it, and read by nothing but the pages and
routes of holds: so it is in no segment and no outlet, whatever is built later.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Count, Q, QuerySet
from psycopg import sql as composed

from consent.holds import sql
from consent.holds.scope import Scope, holdable_stores
from consent.models import HeldRow, LegalHold, PrivacyRequest, Suppression
from profiles.identifiers.lookup import holders_of_identifiers
from profiles.models import Identifier
from profiles.registry import Person


def set_aside(person: Person) -> None:
    """Copy what standing holds name of a person, ahead of the deletion. Under the people lock."""
    whole = Identifier.objects.filter(profile_id=person.profile_id).values_list("pk", flat=True)
    identifier_ids = {*whole, *person.identifier_ids}
    holds = LegalHold.objects.filter(lifted_at=None, identifier_ids__overlap=list(identifier_ids))
    for hold in holds:
        for store, kinds in hold.scope.items():
            _copy(hold, store, kinds, person)
        # What is left of the person stays held, also without the identifiers that go now.
        hold.identifier_ids = sorted({*hold.identifier_ids, *identifier_ids})
        hold.suppression_ids = sorted({*hold.suppression_ids, *_suppressions_of(person.request_id)})
        hold.save(update_fields=["identifier_ids", "suppression_ids"])


def holds_on(request: PrivacyRequest) -> QuerySet[LegalHold]:
    """Return the holds on the people whom an erasure is about, lifted ones too."""
    return LegalHold.objects.filter(
        Q(identifier_ids__overlap=request.identifier_ids)
        | Q(suppression_ids__overlap=_suppressions_of(request.pk))
    )


def standing_holds(request: PrivacyRequest) -> QuerySet[LegalHold]:
    return holds_on(request).filter(lifted_at=None)


def is_held_back(request: PrivacyRequest) -> bool:
    """Whether an erasure is not whole: holds keep rows of it, or messages that still come."""
    holds = list(standing_holds(request))
    return any(hold.sources for hold in holds) or HeldRow.objects.filter(hold__in=holds).exists()


def held_summary(request: PrivacyRequest) -> dict[str, Any]:
    """Return what the receipt says of held rows, without personal data; empty if there are none."""
    holds = list(standing_holds(request))
    rows = count_rows(HeldRow.objects.filter(hold__in=holds))
    if not rows:
        return {}
    return {
        "rows": rows,
        "grounds": sorted({str(hold.ground) for hold in holds}),
        "review_on": min(hold.review_on for hold in holds).isoformat(),
    }


def count_rows(rows: QuerySet[HeldRow]) -> dict[str, int]:
    """Count held rows by store."""
    counts = rows.order_by("store").values("store").annotate(count=Count("pk"))
    return {row["store"]: row["count"] for row in counts}


def settle(hold: LegalHold, *, now: datetime) -> dict[str, int]:
    """Delete what a lifted hold kept, and return how many rows by store.

    The caller holds the people lock.
    """
    rows = HeldRow.objects.filter(hold=hold)
    counts = count_rows(rows)
    rows.delete()
    hold.settled_at = now
    hold.save(update_fields=["settled_at"])
    if counts or hold.suppression_ids:
        forget_terms([hold.pk])
    return counts


def forget_terms(hold_ids: Iterable[Any]) -> int:
    """Take what may name a person out of lifted holds; return how many had any."""
    holds = LegalHold.objects.filter(pk__in=hold_ids, lifted_at__isnull=False)
    named = holds.exclude(identifier_ids=[], suppression_ids=[], reason="", case_reference="")
    return named.update(identifier_ids=[], suppression_ids=[], reason="", case_reference="")


def _copy(hold: LegalHold, store: str, kinds: list[str], person: Person) -> None:
    declaration = holdable_stores()[store]
    parameters: dict[str, Any] = {
        "hold": hold.pk,
        "store": store,
        "kinds": kinds,
        "request": person.request_id,
        "profile": person.profile_id,
        "identifiers": list(person.identifier_ids),
    }
    statement = sql.SET_ASIDE.format(rows=composed.SQL(declaration.held_rows))
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def _suppressions_of(request_id: Any) -> list[int]:
    if request_id is None:
        return []
    return list(Suppression.objects.filter(request_id=request_id).values_list("pk", flat=True))


def held_stores(profile_ids: Sequence[int]) -> dict[int, list[Scope]]:
    """Return the scopes of the holds that stand on each of these profiles, in two queries."""
    holds = list(LegalHold.objects.filter(lifted_at=None).values_list("identifier_ids", "scope"))
    if not holds:
        return {}
    holders = holders_of_identifiers(profile_ids)
    scopes: dict[int, list[Scope]] = defaultdict(list)
    for identifier_ids, scope in holds:
        for profile_id in {holders[pk] for pk in identifier_ids if pk in holders}:
            scopes[profile_id].append(scope)
    return scopes
