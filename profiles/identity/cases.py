"""Making cases of what facts lose to rules, as the facts are judged.

Invariant: a case counts exactly the outcomes that are stored of its identifier and kind. Whoever
writes or replaces outcomes calls one of the two functions here, in the same transaction.
"""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from django.db import connection
from django.db.models.functions import Now

from profiles.identity import sql
from profiles.identity.engine import RefusalRule
from profiles.identity.facts import Effect
from profiles.lib.database import array_of
from profiles.models import IdentityCase, TrustLevel

Kind = IdentityCase.Kind

# Only what the person or staff verified contradicts a verdict; other facts were known to err.
LEAST_CONTRADICTION = TrustLevel.VERIFIED

_KINDS = {
    RefusalRule.UNIQUE: Kind.TWO_PEOPLE,
    RefusalRule.LIMIT: Kind.TOO_MANY,
    RefusalRule.CAP: Kind.SHARED,
    RefusalRule.NOT_SAME: Kind.AGAINST_VERDICT,
    Effect.QUARANTINE: Kind.SHARED,
}


class Doubt(NamedTuple):
    """What one fact lost to a rule, or quarantined."""

    fact: int
    identifier: int
    wanter: int | None
    rule: str
    day: date
    trust: int


def add_to_cases(doubts: Iterable[Doubt]) -> None:
    """Count what facts that are judged for the first time lost."""
    cases: dict[tuple[int, Kind], list[Doubt]] = {}
    for doubt in doubts:
        if (key := _case_of(doubt)) is not None:
            cases.setdefault(key, []).append(doubt)
    if not cases:
        return
    rows = [
        (*key, len(each), min(days), max(days), max(doubt.fact for doubt in each))
        for key, each in cases.items()
        if (days := [doubt.day for doubt in each])
    ]
    with connection.cursor() as cursor:
        cursor.execute(sql.ADD_TO_CASES, [array_of(column) for column in zip(*rows, strict=True)])
    _reopen(key for key, each in cases.items() if any(map(_tells_more, each)))
    _ask_once(identifier for identifier, _ in cases)


def recount_cases(identifier_ids: Iterable[int]) -> None:
    """Count anew what facts lost of these identifiers, once they were judged by other rules."""
    ids = sorted(set(identifier_ids))
    with connection.cursor() as cursor:
        cursor.execute(
            sql.RECOUNT_CASES, {"identifiers": ids, "least_trust": LEAST_CONTRADICTION.value}
        )
        counted = set(cursor.fetchall())
    gone = [
        case.pk
        for case in IdentityCase.objects.filter(identifier__in=ids)
        if (case.identifier_id, case.kind) not in counted
    ]
    IdentityCase.objects.filter(pk__in=gone).delete()
    _ask_once(ids)


def _case_of(doubt: Doubt) -> tuple[int, Kind] | None:
    """Return the identifier and kind of the case that the doubt belongs to, if to any."""
    kind = _KINDS.get(doubt.rule)  # type: ignore[call-overload]  # members of both are texts
    match kind:
        case None:
            return None
        case Kind.AGAINST_VERDICT if doubt.trust < LEAST_CONTRADICTION:
            return None
        case Kind.TOO_MANY:
            # Each device is another, the person who has too many is the same.
            return None if doubt.wanter is None else (doubt.wanter, kind)
    return doubt.identifier, kind


def _tells_more(doubt: Doubt) -> bool:
    """Whether an answered case has to be looked at again."""
    return doubt.rule == Effect.QUARANTINE or doubt.trust >= LEAST_CONTRADICTION


def _ask_once(identifier_ids: Iterable[int]) -> None:
    """Ask no more whose an identifier is, once the question is whether it names anybody at all."""
    open_cases = IdentityCase.objects.filter(
        identifier__in=list(identifier_ids), state=IdentityCase.State.OPEN
    )
    shared = open_cases.filter(kind=Kind.SHARED).values_list("identifier_id", flat=True)
    open_cases.filter(kind=Kind.TWO_PEOPLE, identifier__in=list(shared)).update(
        state=IdentityCase.State.ANSWERED, answer=IdentityCase.Answer.SETTLED, answered_at=Now()
    )


def _reopen(keys: Iterable[tuple[int, Kind]]) -> None:
    for identifier_id, kind in keys:
        IdentityCase.objects.filter(
            identifier=identifier_id, kind=kind, state=IdentityCase.State.ANSWERED
        ).update(state=IdentityCase.State.OPEN, answer="", answered_at=None, postponed_at=None)
