"""What a decision does to people, seen by doing it, and undone again for a dry run."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Sum

from profiles import reads
from profiles.audit import Actor
from profiles.cases.answers import answer_case
from profiles.identity.decisions import NewDecision, decide, undo_decision
from profiles.matching.answers import answer_proposal
from profiles.models import (
    EventStat,
    Identifier,
    IdentityCase,
    IdentityDecision,
    MatchProposal,
    Profile,
)

Effects = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Decided:
    """A verdict, and the profiles that it concerns as the API returns them, with `events`."""

    decision: IdentityDecision
    profiles: Effects


def decide_with_effects(
    new: NewDecision, *, actor: Actor, with_restricted: bool, is_dry_run: bool = False
) -> Decided:
    """Write a verdict and return whom it concerns. Raises what `decide` raises.

    A dry run does the same and takes all of it back. Without `with_restricted` a restricted profile
    has only its id and status.
    """
    with transaction.atomic():
        before = _identifiers_of(new.one, new.other)
        decision = decide(new, actor=actor)
        profiles = _effects(before, with_restricted)
        transaction.set_rollback(is_dry_run)
    return Decided(decision, profiles)


def undo_with_effects(
    decision: IdentityDecision,
    *,
    actor: Actor,
    with_restricted: bool,
    is_dry_run: bool = False,
    reason: str = "",
) -> Effects:
    """Undo a verdict and return whom it concerns."""

    def undo() -> None:
        undo_decision(decision, actor=actor, reason=reason)

    return _effects_of(
        (decision.one, decision.other),
        undo,
        with_restricted=with_restricted,
        is_dry_run=is_dry_run,
    )


def answer_with_effects(
    proposal: MatchProposal,
    state: MatchProposal.State,
    *,
    actor: Actor,
    reason: str,
    with_restricted: bool,
    is_dry_run: bool = False,
) -> Effects:
    """Answer a proposal and return whom it concerns. Raises what `answer_proposal` raises."""
    profiles = _effects_of(
        (proposal.one, proposal.other),
        lambda: answer_proposal(proposal, state, actor=actor, reason=reason),
        with_restricted=with_restricted,
        is_dry_run=is_dry_run,
    )
    if is_dry_run:
        proposal.refresh_from_db()
    return profiles


def answer_case_with_effects(
    case: IdentityCase,
    answer: IdentityCase.Answer,
    *,
    actor: Actor,
    other: Identifier | None,
    reason: str,
    with_restricted: bool,
    is_dry_run: bool = False,
) -> Effects:
    """Answer a case and return whom it concerns. Raises what `answer_case` raises."""
    profiles = _effects_of(
        [each for each in (case.identifier, other) if each],
        lambda: answer_case(case, answer, actor=actor, other=other, reason=reason),
        with_restricted=with_restricted,
        is_dry_run=is_dry_run,
    )
    if is_dry_run:
        case.refresh_from_db()
    return profiles


def _effects_of(
    identifiers: Iterable[Identifier],
    write: Callable[[], None],
    *,
    with_restricted: bool,
    is_dry_run: bool,
) -> Effects:
    with transaction.atomic():
        before = _identifiers_of(*identifiers)
        write()
        profiles = _effects(before, with_restricted)
        transaction.set_rollback(is_dry_run)
    return profiles


def _identifiers_of(*named: Identifier) -> list[int]:
    identifiers = Identifier.objects.filter(pk__in=[identifier.pk for identifier in named])
    profiles = identifiers.filter(profile__isnull=False).values_list("profile_id", flat=True)
    beside = Identifier.objects.filter(profile__in=list(profiles)).values_list("pk", flat=True)
    return [*beside, *(identifier.pk for identifier in named)]


def _effects(identifier_ids: list[int], with_restricted: bool) -> Effects:
    """Represent who has the identifiers now: a rollback takes away what is read later."""
    identifiers = Identifier.objects.filter(pk__in=identifier_ids, profile__isnull=False)
    ids = set(identifiers.values_list("profile_id", flat=True))
    profiles = list(Profile.objects.filter(pk__in=ids).order_by("pk"))
    stats = EventStat.objects.filter(profile__in=profiles).values_list("profile_id")
    counts = dict(stats.annotate(Sum("count")))
    rows = reads.represent_profiles(profiles, with_restricted=with_restricted)
    return [
        {**row, "events": counts.get(profile.pk, 0)} if "traits" in row else row
        for profile, row in zip(profiles, rows, strict=True)
    ]
