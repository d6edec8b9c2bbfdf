"""The one step by which facts become people, and its fold.

Invariant: `apply` is the only step. The worker folds it on the people that a chunk touches, a
replay folds it from nothing, and both get the same people.
"""

from collections.abc import Callable, Iterable
from itertools import count

from profiles.identifiers.references import Ref
from profiles.identity.engine.case import Case
from profiles.identity.engine.facts import Fact, Trust
from profiles.identity.engine.outcomes import Dropped, Outcome, RefMove
from profiles.identity.engine.refusals import refuse_capped, refuse_claimed, refuse_crowded
from profiles.identity.engine.rules import PROFILE, Decisions, Rules
from profiles.identity.engine.state import IdentityState


def apply_fact(state: IdentityState, fact: Fact, rules: Rules, decisions: Decisions) -> Outcome:
    """Take one fact into the state and say what it did.

    Raises ValueError for a fact without refs.
    """
    known = _known(state, fact, rules)
    if known is not None:
        return known
    if not fact.refs:
        raise ValueError("a fact names at least one identifier")
    ranked = sorted(fact.refs, key=rules.rank)
    allowed = [ref for ref in ranked if not state.is_quarantined(ref)]
    case = Case(state, fact, rules, decisions, allowed or ranked[:1])
    if len(case.named) > 1:
        refuse_claimed(case)
        refuse_crowded(case)
        refuse_capped(case)
    return _settle(case)


def resolve(
    facts: Iterable[Fact],
    rules: Rules,
    decisions: Decisions,
    allocate: Callable[[], int] | None = None,
) -> IdentityState:
    """The people that the facts make, in order of `seq`, from nothing. Default numbers: from 1."""
    state = IdentityState(allocate or count(1).__next__)
    for fact in sorted(facts, key=lambda fact: fact.seq):
        apply_fact(state, fact, rules, decisions)
    return state


def _known(state: IdentityState, fact: Fact, rules: Rules) -> Outcome | None:
    """The outcome when one profile holds all refs and nothing changes, by far the most common."""
    holder = None
    must_be_vouched = fact.trust >= Trust.SERVER
    for ref in fact.refs:
        holding = state.holding_of(ref)
        if holding is None or state.is_quarantined(ref):
            return None
        if holder is not None and holding.profile != holder:
            return None
        if must_be_vouched and not holding.is_vouched:
            return None
        holder = holding.profile
    if holder is None:
        return None
    kept = fact.refs if len(fact.refs) == 1 else tuple(sorted(fact.refs, key=rules.rank))
    return Outcome(fact.seq, holder, kept[0], kept)


def _settle(case: Case) -> Outcome:
    """Write what is left of the fact into the state."""
    joined, wanted = case.joined(), _wanted(case)
    profile = min(joined) if joined else case.state.allocate()
    moved = _move(case, profile)
    attached, vouched = _attach(case, profile)
    return Outcome(
        seq=case.fact.seq,
        profile=profile,
        anchor=case.anchor,
        kept=tuple(case.named),
        attached=attached,
        vouched=vouched,
        is_new=not joined,
        moved=moved,
        absorbed=tuple(sorted(joined - {profile})),
        dropped=tuple(Dropped(ref, rule, case.anchor) for ref, rule in case.refused.items()),
        wanted=wanted,
        quarantined=_quarantine(case, wanted),
    )


def _wanted(case: Case) -> tuple[Ref, ...]:
    refused = [ref for ref in case.refused if ref.namespace != PROFILE]
    return tuple(refused + case.merging())


def _move(case: Case, target: int) -> tuple[RefMove, ...]:
    """Bring the refs of the profiles that cease, and those taken over, to the target."""
    leaving = [ref for part in case.parts() if part.profile != target for ref in part.refs]
    moved = []
    for ref in sorted(leaving, key=case.rules.rank):
        holding = case.state.holding_of(ref)
        if holding is not None:
            case.state.hold(ref, target, holding.is_vouched, holding.since)
            moved.append(RefMove(ref, holding.profile, target))
    return tuple(moved)


def _attach(case: Case, profile: int) -> tuple[tuple[Ref, ...], tuple[Ref, ...]]:
    """Give the new refs to the profile and vouch for all; say which were new, which not vouched."""
    attached, vouched = [], []
    for ref in case.named:
        holding = case.state.holding_of(ref)
        if holding is None:
            case.state.hold(ref, profile, case.is_trusted, case.fact.day)
            attached.append(ref)
        elif case.is_trusted and not holding.is_vouched:
            case.state.hold(ref, profile, True, holding.since)
        else:
            continue
        if case.is_trusted:
            vouched.append(ref)
    return tuple(attached), tuple(vouched)


def _quarantine(case: Case, wanted: Iterable[Ref]) -> tuple[Ref, ...]:
    """Remember the wants, and quarantine the refs that now have too many."""
    state, day, anchor = case.state, case.fact.day, case.anchor
    quarantined = []
    for ref in wanted:
        state.want(ref, anchor, day)
        if state.is_over_cap(ref, day, case.rules, anchor):
            state.quarantine(ref)
            quarantined.append(ref)
    return tuple(quarantined)
