"""What speaks in a case: who else is named with the identifier, by which sources, how often.

Invariant: people whose processing is restricted are left out unless the reader may see them.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import Q, QuerySet

from profiles.identifiers.lookup import restricted_identifiers
from profiles.identity.cases import LEAST_CONTRADICTION
from profiles.identity.engine import PROFILE, RefusalRule
from profiles.models import (
    DecisionVerdict,
    Identifier,
    IdentityCase,
    IdentityDecision,
    IdentityOutcome,
    TrustLevel,
)

Kind = IdentityCase.Kind
# Of what is shared, everybody who wanted it speaks, be it that they were joined by it.
RULES: Mapping[Kind, str] = {
    Kind.TWO_PEOPLE: RefusalRule.UNIQUE,
    Kind.TOO_MANY: RefusalRule.LIMIT,
    Kind.AGAINST_VERDICT: RefusalRule.NOT_SAME,
}
# Newer ones tell what is so now, and a shared browser may have thousands.
MOST_READ = 500


@dataclass(slots=True)
class Counterpart:
    """Another identifier of the case: the facts that name both, the newest first.

    `is_settled` says that the two are one person by now, or that a verdict keeps them apart.
    """

    identifier: Identifier
    refusals: int
    last_day: date
    source: str
    trust: TrustLevel
    is_settled: bool = False


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case with its counterparts; `people` is how many profiles these are, up to `MOST_READ`."""

    case: IdentityCase
    counterparts: Sequence[Counterpart]

    @property
    def people(self) -> int:
        return len({each.identifier.profile_id for each in self.counterparts} - {None})

    @property
    def question(self) -> Counterpart | None:
        """The counterpart that may be the same person, where there is but one left to ask about."""
        unsettled = [each for each in self.counterparts if not each.is_settled]
        holders = {each.identifier.profile_id or -each.identifier.pk for each in unsettled}
        return unsettled[0] if len(holders) == 1 and asks_who(self.case) else None


def asks_who(case: IdentityCase) -> bool:
    """Whether the case asks if two are one person."""
    return case.kind in (Kind.TWO_PEOPLE, Kind.AGAINST_VERDICT)


def view_of(case: IdentityCase, *, with_restricted: bool) -> CaseView | None:
    """Return the case with what speaks in it, or None where its person is not shown."""
    return next(iter(views_of([case], with_restricted=with_restricted)), None)


def views_of(cases: Sequence[IdentityCase], *, with_restricted: bool) -> list[CaseView]:
    """Return the cases with their counterparts, without people whom the reader may not see."""
    views = [CaseView(case, _counterparts(case)) for case in cases]
    if with_restricted:
        return views
    hidden = restricted_identifiers(
        [
            *(view.case.identifier for view in views),
            *(each.identifier for view in views for each in view.counterparts),
        ]
    )
    return [
        CaseView(
            view.case, [each for each in view.counterparts if each.identifier.pk not in hidden]
        )
        for view in views
        if view.case.identifier_id not in hidden
    ]


def is_settled(case: IdentityCase) -> bool:
    """Whether nothing is left to ask: all are one person by now, or verdicts keep them apart."""
    counterparts = _counterparts(case)
    return asks_who(case) and bool(counterparts) and all(each.is_settled for each in counterparts)


def _counterparts(case: IdentityCase) -> list[Counterpart]:
    rows: dict[int, list[IdentityOutcome]] = defaultdict(list)
    for outcome in _outcomes(case)[:MOST_READ]:
        other = outcome.identifier_id if case.kind == Kind.TOO_MANY else outcome.wanter_id
        if other is not None:
            rows[other].append(outcome)
    identifiers = Identifier.objects.in_bulk(list(rows))
    settled = _settled(case, identifiers.values()) if asks_who(case) else set()
    return [
        Counterpart(
            identifiers[pk],
            len(outcomes),
            outcomes[0].day,
            outcomes[0].fact.source.key,
            TrustLevel(max(outcome.fact.trust for outcome in outcomes)),
            is_settled=pk in settled,
        )
        for pk, outcomes in rows.items()
        if pk in identifiers
    ]


def _outcomes(case: IdentityCase) -> QuerySet[IdentityOutcome]:
    side = "wanter" if case.kind == Kind.TOO_MANY else "identifier"
    outcomes = IdentityOutcome.objects.filter(**{side: case.identifier_id})
    if case.kind in RULES:
        outcomes = outcomes.filter(rule=RULES[Kind(case.kind)])
    if case.kind == Kind.AGAINST_VERDICT:
        outcomes = outcomes.filter(fact__trust__gte=LEAST_CONTRADICTION)
    return outcomes.select_related("fact__source").order_by("-fact_id")


def _settled(case: IdentityCase, others: Iterable[Identifier]) -> set[int]:
    """Return which of the others are the holder's by now, or kept apart from it by a verdict."""
    others = list(others)
    holder = case.identifier.profile_id
    joined = {each.pk for each in others if holder is not None and each.profile_id == holder}
    if case.kind == Kind.AGAINST_VERDICT:
        return joined  # the verdict itself is in question
    return joined | _kept_apart(case.identifier, others)


def _kept_apart(identifier: Identifier, others: Sequence[Identifier]) -> set[int]:
    """Return which of the others a standing verdict keeps apart from the identifier's person."""
    sides = _persons([identifier, *others])
    ours = sides[identifier.pk]
    theirs = {pk: side for pk, side in sides.items() if pk != identifier.pk}
    decisions = IdentityDecision.objects.filter(ended_at=None).exclude(verdict=DecisionVerdict.SAME)
    pairs = decisions.filter(Q(one__in=ours) | Q(other__in=ours)).values_list("one_id", "other_id")
    apart = {one if other in ours else other for one, other in pairs}
    return {pk for pk, side in theirs.items() if side & apart}


def _persons(identifiers: Sequence[Identifier]) -> dict[int, set[int]]:
    """Return for each identifier those of its person, itself among them."""
    profiles = {each.profile_id for each in identifiers} - {None}
    beside: dict[int | None, set[int]] = defaultdict(set)
    rows = Identifier.objects.filter(profile__in=profiles).exclude(namespace=PROFILE)
    for pk, profile_id in rows.values_list("pk", "profile_id"):
        beside[profile_id].add(pk)
    return {each.pk: beside[each.profile_id] | {each.pk} for each in identifiers}
