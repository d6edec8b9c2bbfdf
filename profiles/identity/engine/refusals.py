"""Which refs a fact loses, to which rule.

Invariant: since dropping a ref only shrinks the union, a rule once satisfied stays so: each rule
is asked once, in the order trust, then unique, limit and not the same, then cap.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from enum import IntEnum

from profiles.identifiers.references import Ref
from profiles.identity.engine.case import Case, Part
from profiles.identity.engine.outcomes import RefusalRule
from profiles.identity.engine.rules import Decisions, NamespaceRule


class _Standing(IntEnum):
    """What a claim may do to a part: WEAK joins anything, VOUCHED takes only WEAK."""

    WEAK = 0
    STRONG = 1
    VOUCHED = 2


def refuse_claimed(case: Case) -> None:
    """Drop what a claim may not do to vouched people, then take back what turned out harmless."""
    if case.is_trusted or case.fact.source in case.rules.joining_sources:
        return
    while (ref := _overreaching(case)) is not None:
        case.refuse(ref, RefusalRule.TRUST)
    # A ref of the very profile where the fact lands after all adds nothing to it.
    joined = case.joined()
    for ref in [ref for ref in case.refused if case.state.profile_of(ref) in joined]:
        case.readmit(ref)


def _overreaching(case: Case) -> Ref | None:
    """The ref that a claim has to give up next, if any: a strong one wherever that helps."""
    parts = case.parts()
    standings = [_standing(case, part) for part in parts]
    if _Standing.VOUCHED not in standings:
        return None
    indices = range(len(parts))
    rivals = [i for i in indices if i and _clash(standings[0], standings[i])] or [
        i for i in indices if any(_clash(standings[i], standings[j]) for j in indices if j != i)
    ]
    rank, is_weak = case.rules.rank, case.rules.is_weak
    bringing = [ref for i in rivals for ref in parts[i].named]
    strong = [ref for ref in bringing if not is_weak(ref)]
    if bringing and not strong and standings[0] == _Standing.STRONG and parts[0].profile is None:
        # Only weak refs speak against a new anchor: it is the newcomer that is refused.
        strong = [ref for ref in case.named if not is_weak(ref)]
    return max(strong or bringing, key=rank, default=None)


def _standing(case: Case, part: Part) -> _Standing:
    if part.profile is None:
        return _Standing.WEAK if case.rules.is_weak(part.named[0]) else _Standing.STRONG
    if case.state.is_vouched(part.profile):
        return _Standing.VOUCHED
    return _Standing.STRONG if case.has_strong(part.refs) else _Standing.WEAK


def _clash(one: _Standing, other: _Standing) -> bool:
    return max(one, other) == _Standing.VOUCHED and min(one, other) != _Standing.WEAK


def refuse_crowded(case: Case) -> None:
    """Drop the lowest refs that bring a conflict, until what is left may be one person."""
    while (conflict := _conflict(case, parts := case.parts())) is not None:
        rule, refs = conflict
        bringing = [part for part in parts[1:] if not part.refs.isdisjoint(refs)]
        named = (ref for part in bringing for ref in part.named)
        case.refuse(max(named, key=case.rules.rank), rule)


def _conflict(case: Case, parts: list[Part]) -> tuple[RefusalRule, AbstractSet[Ref]] | None:
    """The first rule that the union breaks, and the refs that break it. One part breaks none."""
    rules = _shared_rules(case, parts)
    for rule in rules:
        if rule.is_unique:
            return RefusalRule.UNIQUE, set(_refs_in(rule.namespace, parts))
    for rule in rules:
        if (excess := _excess(case, rule, parts)) is not None:
            return RefusalRule.LIMIT, excess
    divided = _divided(case.decisions, parts)
    return (RefusalRule.NOT_SAME, divided) if divided else None


def _shared_rules(case: Case, parts: list[Part]) -> list[NamespaceRule]:
    """The rules of the namespaces that occur in more than one part, highest priority first."""
    if len(parts) == 1:
        return []
    occurring = Counter(name for part in parts for name in {ref.namespace for ref in part.refs})
    shared = [case.rules.rule_for(name) for name, times in occurring.items() if times > 1]
    return sorted(shared, key=lambda rule: (rule.priority, rule.namespace))


def _refs_in(namespace: str, parts: Iterable[Part]) -> Iterator[Ref]:
    return (ref for part in parts for ref in part.refs if ref.namespace == namespace)


def _excess(case: Case, rule: NamespaceRule, parts: list[Part]) -> AbstractSet[Ref] | None:
    """The refs that the limit counts, where they are too many and no one part has them all."""
    limit, day = rule.limit, case.fact.day
    if limit is None:
        return None
    held = ((ref, case.state.holding_of(ref)) for ref in _refs_in(rule.namespace, parts))
    counted = {ref for ref, holding in held if holding is None or limit.counts(holding.since, day)}
    if len(counted) <= limit.count or any(counted <= part.refs for part in parts):
        return None
    return counted


def _divided(decisions: Decisions, parts: list[Part]) -> AbstractSet[Ref]:
    """The refs that the union would bring together with one that they are not the same as."""
    if not decisions or len(parts) == 1:
        return frozenset()
    place = {ref: index for index, part in enumerate(parts) for ref in part.refs}
    return {
        ref
        for ref, index in place.items()
        if any(place.get(rival, index) != index for rival in decisions.rivals_of(ref))
    }


def refuse_capped(case: Case) -> None:
    """Drop the refs through which too many profiles would merge."""
    while (ref := _over_cap(case)) is not None:
        case.refuse(ref, RefusalRule.CAP)


def _over_cap(case: Case) -> Ref | None:
    day, rules, anchor = case.fact.day, case.rules, case.anchor
    merging = reversed(case.merging())
    return next((ref for ref in merging if case.state.is_over_cap(ref, day, rules, anchor)), None)
