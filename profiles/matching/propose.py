"""One run: people are compared, and the pairs that may be one person proposed.

Invariant: a run may be repeated, or run twice at once, without changing anything.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from profiles.audit import Actor
from profiles.identity.decisions import DecisionConflict, DecisionError
from profiles.lib.batches import batches
from profiles.lib.people_lock import people_lock
from profiles.matching.answers import ProposalAnswered, State, answer_proposal
from profiles.matching.comparisons import SHAPE
from profiles.matching.model import Material, material_of, train
from profiles.matching.pairs import drop_outdated, holders_of, store_proposals
from profiles.matching.people import People
from profiles.matching.score import Score
from profiles.matching.scores import score_pairs
from profiles.models import Identifier, MatchModel, MatchProposal
from profiles.registry import registry

# A record that committed late may be older than the newest one seen.
_OVERLAP = timedelta(hours=1)
# A model learnt from so many times fewer people is learnt anew.
_OUTGROWN = 2
_MOST_PROPOSALS = 10_000
_AT_ONCE = 500
MATCHING = Actor.system("matching")
_AUTOMATIC = "Accepted by itself, above MATCH_ACCEPT_PERCENT."

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Run:
    """What a run came to; `refusal` says why nothing could be compared."""

    model: MatchModel
    compared: int
    scored: int = 0
    written: int = 0
    accepted: int = 0

    @property
    def refusal(self) -> str:
        return self.model.refusal


def propose_matches(*, since: datetime | None = None, everybody: bool = False) -> Run:
    """Compare who changed since a time with everybody, and propose pairs.

    Without a time it is who changed since the last run. `everybody` compares all with all, as the
    first run and the one after a new training do.
    """
    model = MatchModel.objects.first()
    if not everybody and since is None and model and model.scored_until:
        since = model.scored_until - _OVERLAP
    people = People(since=None if everybody else since)
    try:
        material = material_of(people)
        if model is None or _is_outgrown(model, material):
            model = _store_model(train(people, material), after=model)
            people.changed = None
        if model.refusal:
            return Run(model, material.people)
        scores = score_pairs(people, model, least=settings.MATCH_PROPOSE_PERCENT / 100)
        written = _store(people, scores)
        accepted = _accept_by_itself()
        MatchModel.objects.filter(pk=model.pk).update(scored_until=people.newest)
        compared = material.people if people.changed is None else len(people.changed)
        return Run(model, compared, len(scores), written, accepted)
    finally:
        people.close()


def _is_outgrown(model: MatchModel, material: Material) -> bool:
    if model.refusal:
        # The same refusal again would be a new row at each run.
        return material.refusal != model.refusal
    return model.shape != SHAPE or material.people >= _OUTGROWN * model.people


def _store_model(model: MatchModel, *, after: MatchModel | None) -> MatchModel:
    """Store a model unless another run has stored one meanwhile; return the one that counts."""
    with transaction.atomic():
        people_lock()
        newest = MatchModel.objects.first()
        if newest is not None and newest != after:
            return newest
        model.save()
    return model


def _store(people: People, scores: list[Score]) -> int:
    if len(scores) > _MOST_PROPOSALS:
        logger.warning("%d pairs are alike; the surest are proposed.", len(scores))
    kept = scores[:_MOST_PROPOSALS]
    written = 0
    for batch in batches(kept, _AT_ONCE):
        with transaction.atomic():
            people_lock()
            written += store_proposals(batch)
    with transaction.atomic():
        people_lock()
        drop_outdated(people.changed, {score.pair for score in kept})
    return written


def _accept_by_itself() -> int:
    """Accept the surest proposals, if the setting says so. Returns how many.

    Never across two values of a unique namespace, a verdict, people who are restricted or
    suppressed, or people for whom no trusted source vouches.
    """
    if not settings.MATCH_ACCEPT_PERCENT:
        return 0
    least = settings.MATCH_ACCEPT_PERCENT / 100
    accepted = 0
    for proposal in MatchProposal.objects.filter(state=State.OPEN, probability__gte=least):
        try:
            with transaction.atomic():
                people_lock()
                if _may_be_automatic(proposal):
                    answer_proposal(
                        proposal,
                        State.ACCEPTED,
                        actor=MATCHING,
                        reason=_AUTOMATIC,
                        is_automatic=True,
                    )
                    accepted += 1
        except (ProposalAnswered, DecisionError, DecisionConflict):
            continue  # It stays open, for staff.
    return accepted


def _may_be_automatic(proposal: MatchProposal) -> bool:
    [pair] = holders_of([proposal]).values()
    rows = list(Identifier.objects.filter(profile__in=pair or ()).prefetch_related("profile"))
    vouched = {row.profile_id for row in rows if row.is_vouched}
    is_restricted = any(row.profile and row.profile.is_restricted for row in rows)
    return (
        len(vouched) == 2
        and not is_restricted
        and not registry.kept_out([str(row) for row in rows])
    )
