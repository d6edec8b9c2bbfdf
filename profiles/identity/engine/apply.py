"""Applying facts to the state of identities.

Invariant: `apply_fact` is the only step that changes who is who. The worker folds it over the
profiles that a chunk touches, a replay folds it from an empty state, and both get the same people.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import count

from profiles.identifiers.references import Ref
from profiles.identity.engine.case import Case
from profiles.identity.engine.facts import Fact, Trust
from profiles.identity.engine.joins import join_decided, place_decided
from profiles.identity.engine.outcomes import NO_WANTS, Dropped, Outcome, RefMove
from profiles.identity.engine.refusals import (
    claims_in_the_way,
    refuse_by_cap,
    refuse_by_trust,
    refuse_conflicts,
)
from profiles.identity.engine.rules import PROFILE, Rules
from profiles.identity.engine.state import IdentityState
from profiles.identity.engine.verdicts import Decisions


def apply_fact(state: IdentityState, fact: Fact, rules: Rules, decisions: Decisions) -> Outcome:
    """Change the state by one fact and return what changed.

    Raises ValueError for a fact without refs.
    """
    if not decisions.joins_any:
        return _judge(state, fact, rules, decisions)
    placed = place_decided(state, fact, rules, decisions)
    outcome = _judge(state, fact, rules, decisions)
    # Again, for what the fact lost to a rule while nobody had its partner yet.
    placed += place_decided(state, fact, rules, decisions)
    joins = join_decided(state, _touched_profiles(state, fact, outcome), rules, decisions)
    return replace(outcome, placed=placed, joins=joins) if placed or joins else outcome


def _touched_profiles(state: IdentityState, fact: Fact, outcome: Outcome) -> set[int]:
    """Return the profiles that the fact named or changed, on which a verdict may act now."""
    profiles = {outcome.profile}
    for move in (*outcome.moved, *outcome.set_apart):
        profiles |= {move.origin, move.target}
    for ref in fact.refs:
        if (assignment := state.assignment_of(ref)) is not None:
            profiles.add(assignment.profile)
    return profiles


def _judge(state: IdentityState, fact: Fact, rules: Rules, decisions: Decisions) -> Outcome:
    """Change the state by what the fact itself says."""
    outcome = _outcome_of_new_ref(state, fact) or _outcome_without_change(state, fact, rules)
    if outcome is not None:
        return outcome
    if not fact.refs:
        raise ValueError("a fact names at least one identifier")
    ranked = sorted(fact.refs, key=rules.rank)
    usable = [ref for ref in ranked if not state.is_quarantined(ref)]
    # A fact of quarantined refs alone must still land somewhere: the highest ref stands alone.
    case = Case(state, fact, rules, decisions, usable or ranked[:1])
    if len(case.kept) > 1:  # a single ref unites nothing
        refuse_by_trust(case)
        refuse_conflicts(case)
        refuse_by_cap(case)
    return _settle(case)


def resolve(
    facts: Iterable[Fact],
    rules: Rules,
    decisions: Decisions,
    allocate: Callable[[], int] | None = None,
) -> IdentityState:
    """Apply the facts to an empty state in order of `seq`.

    `allocate` gives the numbers of new profiles, by default counted from 1.
    """
    state = IdentityState(allocate or count(1).__next__)
    for fact in sorted(facts, key=lambda fact: fact.seq):
        apply_fact(state, fact, rules, decisions)
    return state


def _outcome_of_new_ref(state: IdentityState, fact: Fact) -> Outcome | None:
    """Return the outcome if the fact names one ref that nobody has yet, else None.

    There is nothing to judge, and no more common way for a person to appear.
    """
    if len(fact.refs) != 1 or state.assignment_of(fact.refs[0]) is not None:
        return None
    is_trusted = fact.trust >= Trust.SERVER
    (ref,) = fact.refs
    profile = state.allocate()
    state.assign(ref, profile, is_trusted, fact.day)
    vouched = fact.refs if is_trusted else ()
    return Outcome(
        fact.seq, profile, ref, fact.refs, attached=fact.refs, vouched=vouched, is_new=True
    )


def _outcome_without_change(state: IdentityState, fact: Fact, rules: Rules) -> Outcome | None:
    """Return the outcome if one profile has all refs and the fact changes nothing, else None.

    Most facts are such repeats, and this saves them the whole judgement.
    """
    profile = None
    must_be_vouched = fact.trust >= Trust.SERVER
    for ref in fact.refs:
        assignment = state.assignment_of(ref)
        if assignment is None or state.is_quarantined(ref):
            return None
        if profile is not None and assignment.profile != profile:
            return None
        if must_be_vouched and not assignment.is_vouched:
            return None
        profile = assignment.profile
    if profile is None:
        return None
    kept = fact.refs if len(fact.refs) == 1 else tuple(sorted(fact.refs, key=rules.rank))
    return Outcome(fact.seq, profile, kept[0], kept)


def _settle(case: Case) -> Outcome:
    """Write what the refusals left of the fact into the state."""
    # Read before anything moves: afterwards the parts of the case are no longer true.
    joined, wanted = case.joined_profiles(), _wanted_refs(case)
    pushed_out = claims_in_the_way(case)
    # Numbers grow, so the smallest is the profile created first, which survives.
    profile = min(joined) if joined else case.state.allocate()
    moved = _move_refs(case, profile)
    attached, vouched = _attach_refs(case, profile)
    quarantined = _record_wants(case, wanted)
    apart = [*pushed_out, *sorted(quarantined, key=case.rules.rank)]
    return Outcome(
        seq=case.fact.seq,
        profile=profile,
        anchor=case.anchor,
        kept=tuple(case.kept),
        attached=attached,
        vouched=vouched,
        is_new=not joined,
        moved=moved,
        absorbed=tuple(sorted(joined - {profile})),
        dropped=tuple(Dropped(ref, rule, case.anchor) for ref, rule in case.refused.items()),
        wanted=wanted,
        quarantined=quarantined,
        set_apart=tuple(move for ref in apart if (move := set_apart(case.state, ref))),
    )


def set_apart(state: IdentityState, ref: Ref) -> RefMove | None:
    """Move a ref whole to a new profile; None if it has one to itself, or none at all."""
    assignment = state.assignment_of(ref)
    if assignment is None:
        return None
    others = state.refs_of(assignment.profile) - {ref}
    if all(other.namespace == PROFILE for other in others):
        return None
    target = state.allocate()
    state.assign(ref, target, assignment.is_vouched, assignment.since)
    return RefMove(ref, assignment.profile, target)


def _wanted_refs(case: Case) -> tuple[Ref, ...]:
    refused = [
        ref
        for ref, rule in case.refused.items()
        if ref.namespace != PROFILE and rule not in NO_WANTS
    ]
    return tuple(refused + case.merging_refs())


def _move_refs(case: Case, target: int) -> tuple[RefMove, ...]:
    """Assign to the target the refs of absorbed profiles and those taken from others."""
    leaving = [ref for part in case.parts() if part.profile != target for ref in part.refs]
    moved = []
    for ref in sorted(leaving, key=case.rules.rank):
        assignment = case.state.assignment_of(ref)
        if assignment is not None:
            # The day of the first assignment stays: limits count from it.
            case.state.assign(ref, target, assignment.is_vouched, assignment.since)
            moved.append(RefMove(ref, assignment.profile, target))
    return tuple(moved)


def _attach_refs(case: Case, profile: int) -> tuple[tuple[Ref, ...], tuple[Ref, ...]]:
    """Assign new refs and, for a trusted fact, vouch for all.

    Returns the refs that were new and the refs that became vouched.
    """
    attached, vouched = [], []
    for ref in case.kept:
        assignment = case.state.assignment_of(ref)
        if assignment is None:
            case.state.assign(ref, profile, case.is_trusted, case.fact.day)
            attached.append(ref)
        elif case.is_trusted and not assignment.is_vouched:
            case.state.assign(ref, profile, True, assignment.since)
        else:
            continue
        if case.is_trusted:
            vouched.append(ref)
    return tuple(attached), tuple(vouched)


def _record_wants(case: Case, wanted: Iterable[Ref]) -> tuple[Ref, ...]:
    """Record the anchor's wants, and quarantine and return the refs that now have too many."""
    state, day, anchor = case.state, case.fact.day, case.anchor
    quarantined = []
    for ref in wanted:
        state.add_want(ref, anchor, day)
        if state.is_over_cap(ref, day, case.rules, anchor):
            state.quarantine(ref)
            quarantined.append(ref)
    return tuple(quarantined)
