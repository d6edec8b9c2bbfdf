"""Joining what verdicts of "same" tie together, beside what facts join.

Invariant: after each fact, the two refs of a verdict are in one profile as soon as both are in any,
unless a newer verdict keeps the two profiles apart, or the verdict is a service's and both have a
value of a unique namespace.
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from profiles.identifiers.references import Ref
from profiles.identity.engine.facts import Fact
from profiles.identity.engine.outcomes import Join, RefMove
from profiles.identity.engine.rules import Rules
from profiles.identity.engine.state import IdentityState
from profiles.identity.engine.verdicts import Decisions, Verdict

NOBODY = 0  # the origin of refs that were in no profile


def place_decided(
    state: IdentityState, fact: Fact, rules: Rules, decisions: Decisions
) -> tuple[RefMove, ...]:
    """Assign new refs of the fact to the profiles of those that they are decided to be the same as.

    Before the fact is judged: a rule would refuse it a ref that staff know to be this person's.
    """
    placed = []
    for ref in fact.refs:
        if state.profile_of(ref) is None and not state.is_quarantined(ref):
            for verdict in sorted(decisions.same_of([ref]), key=lambda verdict: verdict.number):
                partner = verdict.other if verdict.one == ref else verdict.one
                profile = state.profile_of(partner)
                if profile is not None and _may_be_one(
                    {ref}, state.refs_of(profile), verdict, rules, decisions
                ):
                    state.assign(ref, profile, False, fact.day)
                    placed.append(RefMove(ref, NOBODY, profile))
                    break
    return tuple(placed)


def join_decided(
    state: IdentityState, profiles: Iterable[int], rules: Rules, decisions: Decisions
) -> tuple[Join, ...]:
    """Unite these profiles with those that verdicts of "same" tie to them, the oldest first."""
    touched = set(profiles)
    joins = []
    while (pair := _next_pair(state, touched, rules, decisions)) is not None:
        survivor, absorbed = sorted(pair)
        staying = tuple(sorted(state.refs_of(survivor)))
        moves = []
        for ref in sorted(state.refs_of(absorbed)):
            assignment = state.assignment_of(ref)
            if assignment is not None:
                state.assign(ref, survivor, assignment.is_vouched, assignment.since)
                moves.append(RefMove(ref, absorbed, survivor))
        joins.append(Join(survivor, absorbed, staying, tuple(moves)))
        touched.add(survivor)
    return tuple(joins)


def _next_pair(
    state: IdentityState, touched: Iterable[int], rules: Rules, decisions: Decisions
) -> tuple[int, int] | None:
    """Return two profiles that the oldest unfulfilled verdict ties together, if there is any."""
    refs = [ref for profile in touched for ref in state.refs_of(profile)]
    for verdict in sorted(decisions.same_of(refs), key=lambda verdict: verdict.number):
        one, other = state.profile_of(verdict.one), state.profile_of(verdict.other)
        if (
            one is not None
            and other is not None
            and one != other
            and _may_be_one(state.refs_of(one), state.refs_of(other), verdict, rules, decisions)
        ):
            return one, other
    return None


def _may_be_one(
    refs: AbstractSet[Ref],
    others: AbstractSet[Ref],
    verdict: Verdict,
    rules: Rules,
    decisions: Decisions,
) -> bool:
    if decisions.are_parted(refs, others, since=verdict.number):
        return False
    if verdict.is_of_staff:
        return True
    namespaces = {ref.namespace for ref in refs} & {ref.namespace for ref in others}
    return not any(rules.rule_for(namespace).is_unique for namespace in namespaces)
