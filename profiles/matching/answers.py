"""Answers to proposals: one person, related, declined, or later.

Invariant: accepting writes the very verdict that a hand would write. Declining writes none: it
silences the pair, and a login that proves them one person later joins them all the same.
"""

from typing import Final

from django.db import transaction

from profiles.audit import Actor, audited
from profiles.identity.decisions import NewDecision, decide
from profiles.identity.engine import PROFILE
from profiles.identity.rules import load_rules
from profiles.lib.database import database_now
from profiles.lib.people_lock import people_lock
from profiles.matching.pairs import holders_of
from profiles.models import DecisionVerdict, Identifier, MatchProposal

State = MatchProposal.State
VERDICTS: Final = {State.ACCEPTED: DecisionVerdict.SAME, State.RELATED: DecisionVerdict.RELATED}
DEFAULT_REASON = "The proposal is right."


class ProposalAnswered(Exception):
    """The proposal has an answer already, or is not about two people any more."""


def answer_proposal(
    proposal: MatchProposal,
    state: MatchProposal.State,
    *,
    actor: Actor,
    reason: str = "",
    is_automatic: bool = False,
) -> None:
    """Answer an open proposal. Accepted and related ones become a verdict on the two people.

    An automatic answer obeys unique namespaces, as a service's verdict does. Raises
    ProposalAnswered, DecisionError, and DecisionConflict where a rule or a verdict forbids it.
    """
    with audited(actor, f"proposal.{state}", reason=reason) as deed:
        people_lock()
        [pair] = holders_of([proposal]).values()
        now = database_now()
        standing = MatchProposal.objects.filter(pk=proposal.pk, state=State.OPEN)
        if pair is None or not standing.update(state=state, answered_at=now, actor=str(actor)):
            raise ProposalAnswered
        identifier_ids = [proposal.one_id, proposal.other_id]
        if state in VERDICTS:
            one, other = named_by(pair)
            identifier_ids += [one.pk, other.pk]
            new = NewDecision(
                VERDICTS[state], one, other, reason or DEFAULT_REASON, is_automatic=is_automatic
            )
            decide(new, actor=actor)
        deed.about("proposal", proposal.uuid, state=[State.OPEN, state])
        deed.naming(*identifier_ids)
    proposal.refresh_from_db()


def postpone_proposal(proposal: MatchProposal, *, actor: Actor) -> None:
    """Put an open proposal behind all others. Raises ProposalAnswered."""
    with audited(actor, "proposal.postponed") as deed, transaction.atomic():
        standing = MatchProposal.objects.filter(pk=proposal.pk, state=State.OPEN)
        if not standing.update(postponed_at=database_now()):
            raise ProposalAnswered
        deed.about("proposal", proposal.uuid)
    proposal.refresh_from_db()


def named_by(pair: tuple[int, int]) -> tuple[Identifier, Identifier]:
    """Return of each profile the identifier that names it best: vouched, and of high priority."""
    rules = load_rules()
    rows = Identifier.objects.filter(profile__in=pair, quarantined_at=None)
    best: dict[int, Identifier] = {}
    for row in sorted(
        rows.exclude(namespace=PROFILE),
        key=lambda row: (
            not row.is_vouched,
            rules.rule_for(row.namespace).is_weak,
            rules.rule_for(row.namespace).priority,
            row.pk,
        ),
    ):
        best.setdefault(row.profile_id or 0, row)
    if len(best) < 2:
        raise ProposalAnswered
    return best[pair[0]], best[pair[1]]
