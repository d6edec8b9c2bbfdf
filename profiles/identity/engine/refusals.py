"""Refusals: which refs a fact loses, and to which rule.

Invariant: dropping a ref only shrinks the union, so a rule once satisfied stays satisfied. Each
rule is therefore checked once, in the order trust; unique, limit, not the same; cap.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from enum import IntEnum

from profiles.identifiers.references import Ref
from profiles.identity.engine.case import Case, Part
from profiles.identity.engine.outcomes import RefusalRule
from profiles.identity.engine.rules import NamespaceRule
from profiles.identity.engine.verdicts import Decisions


class _Standing(IntEnum):
    """How well a part is protected from claims: they may unite VOUCHED only with WEAK."""

    WEAK = 0
    STRONG = 1
    VOUCHED = 2


def refuse_by_trust(case: Case) -> None:
    """Drop the refs by which a claim would change a vouched profile."""
    if not case.is_plain_claim:
        return
    while (ref := _next_untrusted_ref(case)) is not None:
        case.refuse(ref, RefusalRule.TRUST)
    # A dropped ref of the profile where the fact lands all the same adds nothing to it.
    joined = case.joined_profiles()
    for ref in [ref for ref in case.refused if case.state.profile_of(ref) in joined]:
        case.readmit(ref)


def _next_untrusted_ref(case: Case) -> Ref | None:
    """Return the ref that a claim loses next, or None once no parts clash."""
    parts = case.parts()
    standings = [_standing(case, part) for part in parts]
    if _Standing.VOUCHED not in standings:
        return None
    indices = range(len(parts))
    # At fault is what clashes with the anchor's part, which is the first; else, any clash.
    at_fault = [i for i in indices if i and _clash(standings[0], standings[i])] or [
        i for i in indices if any(_clash(standings[i], standings[j]) for j in indices if j != i)
    ]
    rank, is_weak = case.rules.rank, case.rules.is_weak
    candidates = [ref for i in at_fault for ref in parts[i].fact_refs]
    strong = [ref for ref in candidates if not is_weak(ref)]
    if candidates and not strong and standings[0] == _Standing.STRONG and parts[0].profile is None:
        # The anchor is new and only weak refs clash with it: a new user_id in the browser of a
        # vouched profile. The new refs are refused, and the event lands on that profile.
        strong = [ref for ref in case.kept if not is_weak(ref)]
    return max(strong or candidates, key=rank, default=None)


def _standing(case: Case, part: Part) -> _Standing:
    if part.profile is None:
        return _Standing.WEAK if case.rules.is_weak(part.fact_refs[0]) else _Standing.STRONG
    if case.state.is_vouched(part.profile):
        return _Standing.VOUCHED
    return _Standing.STRONG if case.has_strong(part.refs) else _Standing.WEAK


def _clash(first: _Standing, second: _Standing) -> bool:
    return max(first, second) == _Standing.VOUCHED and min(first, second) != _Standing.WEAK


def refuse_conflicts(case: Case) -> None:
    """Drop the lowest refs that bring a conflict, until the rest may be one person."""
    while (conflict := _first_conflict(case, parts := case.parts())) is not None:
        rule, conflicting = conflict
        if _is_over_claim_limit(case, rule, conflicting):
            # The newcomer stays by itself. Dropped, it would leave its traits to whom it named.
            for ref in parts[0].fact_refs:
                case.refuse(ref, RefusalRule.CLAIM_LIMIT)
            continue
        # Never the anchor's own part: what a profile has already is no conflict.
        at_fault = [part for part in parts[1:] if not part.refs.isdisjoint(conflicting)]
        candidates = (ref for part in at_fault for ref in part.fact_refs)
        case.refuse(max(candidates, key=case.rules.rank), rule)


def _is_over_claim_limit(case: Case, rule: RefusalRule, conflicting: AbstractSet[Ref]) -> bool:
    """Whether a claim brings the anchor's profile more devices than it may have."""
    return (
        case.is_plain_claim
        and rule == RefusalRule.LIMIT
        and all(map(case.rules.is_weak, conflicting))
        and not case.parts()[0].refs.isdisjoint(conflicting)
    )


def _first_conflict(case: Case, parts: list[Part]) -> tuple[RefusalRule, AbstractSet[Ref]] | None:
    """Return the first rule that the union of the parts breaks, and the refs that break it."""
    rules = _shared_rules(case, parts)
    for rule in rules:
        if rule.is_unique:
            # Parts are disjoint, so two parts with refs of the namespace have different values.
            return RefusalRule.UNIQUE, set(_refs_in(rule.namespace, parts))
    for rule in rules:
        if (excess := _refs_over_limit(case, rule, parts)) is not None:
            return RefusalRule.LIMIT, excess
    divided = _refs_decided_apart(case.decisions, parts)
    return (RefusalRule.NOT_SAME, divided) if divided else None


def _shared_rules(case: Case, parts: list[Part]) -> list[NamespaceRule]:
    """Return the rules of namespaces that occur in several parts, highest priority first."""
    if len(parts) == 1:
        return []
    occurring = Counter(name for part in parts for name in {ref.namespace for ref in part.refs})
    shared = [case.rules.rule_for(name) for name, times in occurring.items() if times > 1]
    return sorted(shared, key=lambda rule: (rule.priority, rule.namespace))


def _refs_in(namespace: str, parts: Iterable[Part]) -> Iterator[Ref]:
    return (ref for part in parts for ref in part.refs if ref.namespace == namespace)


def _refs_over_limit(case: Case, rule: NamespaceRule, parts: list[Part]) -> AbstractSet[Ref] | None:
    """Return the refs that count for the limit if they are too many, else None."""
    limit, day = rule.limit, case.fact.day
    if limit is None:
        return None
    assigned = ((ref, case.state.assignment_of(ref)) for ref in _refs_in(rule.namespace, parts))
    # A new ref counts from today.
    counted = {
        ref
        for ref, assignment in assigned
        if assignment is None or limit.counts(assignment.since, day)
    }
    if case.is_trusted and rule.is_weak:
        # What only claims gave stands in nobody's way: it is pushed out afterwards.
        counted = {ref for ref in counted if ref in case.kept or _is_vouched(case, ref)}
    # One part with all of them had too many before: the union does not add to that.
    if len(counted) <= limit.count or any(counted <= part.refs for part in parts):
        return None
    return counted


def _is_vouched(case: Case, ref: Ref) -> bool:
    assignment = case.state.assignment_of(ref)
    return assignment is not None and assignment.is_vouched


def claims_in_the_way(case: Case) -> list[Ref]:
    """Return the claimed devices that a trusted fact pushes out, the oldest first.

    They are as many as the union has beyond a limit, of namespaces that several parts bring.
    """
    if not case.is_trusted:
        return []
    parts = case.parts()
    rules = [rule for rule in _shared_rules(case, parts) if rule.is_weak and rule.limit]
    return [ref for rule in rules for ref in _excess_claims(case, rule, parts)]


def _excess_claims(case: Case, rule: NamespaceRule, parts: list[Part]) -> list[Ref]:
    limit, day = rule.limit, case.fact.day
    known, number = [], 0
    for ref in _refs_in(rule.namespace, parts):
        assignment = case.state.assignment_of(ref)
        if assignment is None or (limit and limit.counts(assignment.since, day)):
            number += 1
            if assignment and not assignment.is_vouched and ref not in case.kept:
                known.append((assignment.since, case.rules.rank(ref), ref))
    excess = max(0, number - limit.count) if limit else 0
    return [ref for _, _, ref in sorted(known)[:excess]]


def _refs_decided_apart(decisions: Decisions, parts: list[Part]) -> AbstractSet[Ref]:
    """Return the refs in one part that staff decided to be apart from a ref in another part."""
    if not decisions or len(parts) == 1:
        return frozenset()
    part_of = {ref: index for index, part in enumerate(parts) for ref in part.refs}
    return {
        ref
        for ref, index in part_of.items()
        if any(part_of.get(other, index) != index for other in decisions.not_same_as(ref))
    }


def refuse_by_cap(case: Case) -> None:
    """Drop the refs through which too many profiles would merge."""
    while (ref := _next_capped_ref(case)) is not None:
        case.refuse(ref, RefusalRule.CAP)


def _next_capped_ref(case: Case) -> Ref | None:
    day, rules, anchor = case.fact.day, case.rules, case.anchor
    lowest_first = reversed(case.merging_refs())
    return next(
        (ref for ref in lowest_first if case.state.is_over_cap(ref, day, rules, anchor)), None
    )
