"""A second, naive implementation of the identity rules: lists and sets, found by scanning.

It shares the values (refs, facts, rules) with the engine and none of its steps. Written from
docs/decisions/0002-identity-rules-made-precise.md.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import combinations, count

from profiles.identifiers.references import Ref
from profiles.identity.engine import Fact, Rules, Trust, Verdict


@dataclass
class Person:
    number: int
    refs: set[Ref]


@dataclass
class NaiveOutcome:
    profile: int
    anchor: Ref
    kept: set[Ref]
    dropped: dict[Ref, str]


@dataclass
class NaiveStore:
    """All people, and what is stored of each ref."""

    rules: Rules
    verdicts: Sequence[Verdict]
    next_number: Callable[[], int] = field(default_factory=lambda: count(1).__next__)
    people: list[Person] = field(default_factory=list)
    vouched: set[Ref] = field(default_factory=set)
    since: dict[Ref, date] = field(default_factory=dict)
    wants: set[tuple[Ref, Ref, date]] = field(default_factory=set)
    quarantined: set[Ref] = field(default_factory=set)

    def order(self, ref: Ref) -> tuple[bool, int, str, str]:
        rule = self.rules.namespaces.get(ref.namespace)
        return (rule is None, rule.priority if rule else 0, ref.namespace, ref.value)

    def lowest(self, refs: Iterable[Ref]) -> Ref:
        return sorted(refs, key=self.order)[-1]

    def highest(self, refs: Iterable[Ref]) -> Ref:
        return sorted(refs, key=self.order)[0]

    def is_weak(self, ref: Ref) -> bool:
        return (
            ref.namespace in self.rules.namespaces and self.rules.namespaces[ref.namespace].is_weak
        )

    def person_of(self, ref: Ref) -> Person | None:
        for person in self.people:
            if ref in person.refs:
                return person
        return None

    def is_vouched(self, person: Person) -> bool:
        return bool(person.refs & self.vouched)

    def verdicts_on(self, one: Ref, other: Ref) -> list[Verdict]:
        return [v for v in self.verdicts if {v.one, v.other} == {one, other}]

    def are_apart(self, one: Ref, other: Ref) -> bool:
        return any(not verdict.is_same for verdict in self.verdicts_on(one, other))

    def same_in_order(self) -> list[Verdict]:
        return sorted((v for v in self.verdicts if v.is_same), key=lambda v: v.number)

    def has_strong(self, person: Person) -> bool:
        return any(ref.namespace != "profile" and not self.is_weak(ref) for ref in person.refs)


def replay(
    facts: Iterable[Fact], rules: Rules, verdicts: Sequence[Verdict]
) -> tuple[NaiveStore, list[NaiveOutcome]]:
    store = NaiveStore(rules, verdicts)
    return store, [decide(store, fact) for fact in sorted(facts, key=lambda fact: fact.seq)]


def decide(store: NaiveStore, fact: Fact) -> NaiveOutcome:
    """Judge a fact, and obey all verdicts before and after."""
    place(store, fact)
    outcome = judge(store, fact)
    place(store, fact)
    while join_two(store):
        pass
    return outcome


def place(store: NaiveStore, fact: Fact) -> None:
    for ref in fact.refs:
        if store.person_of(ref) is None and ref not in store.quarantined:
            for verdict in store.same_in_order():
                if ref in (verdict.one, verdict.other) and store.person_of(ref) is None:
                    person = store.person_of(verdict.other if verdict.one == ref else verdict.one)
                    if person is not None and may_be_one(store, {ref}, person.refs, verdict):
                        person.refs.add(ref)
                        store.since[ref] = fact.day


def join_two(store: NaiveStore) -> bool:
    for verdict in store.same_in_order():
        one, other = store.person_of(verdict.one), store.person_of(verdict.other)
        if one and other and one is not other and may_be_one(store, one.refs, other.refs, verdict):
            older, younger = sorted((one, other), key=lambda person: person.number)
            older.refs |= younger.refs
            store.people.remove(younger)
            return True
    return False


def may_be_one(store: NaiveStore, refs: set[Ref], others: set[Ref], verdict: Verdict) -> bool:
    for ref in refs:
        for other in others:
            for against in store.verdicts_on(ref, other):
                if not against.is_same and against.number > verdict.number:
                    return False
            is_unique = store.rules.rule_for(ref.namespace).is_unique
            if not verdict.is_of_staff and is_unique and ref.namespace == other.namespace:
                return False
    return True


def judge(store: NaiveStore, fact: Fact) -> NaiveOutcome:
    kept = {ref for ref in fact.refs if ref not in store.quarantined} or {store.highest(fact.refs)}
    dropped: dict[Ref, str] = {}
    if fact.trust == Trust.CLAIM and fact.source not in store.rules.joining_sources:
        while victim := refused_claim(store, kept):
            kept.remove(victim)
            dropped[victim] = "trust"
        landed = [store.person_of(ref) for ref in kept]
        for ref in [ref for ref in dropped if store.person_of(ref) in landed]:
            if store.person_of(ref) is not None:
                kept.add(ref)
                del dropped[ref]
    while conflict := conflicting(store, fact, kept):
        rule, offending = conflict
        anchor = store.highest(kept)
        home = next(piece for piece in pieces(store, fact, kept) if anchor in piece)
        is_claim = fact.trust == Trust.CLAIM and fact.source not in store.rules.joining_sources
        if is_claim and rule == "limit" and home & offending and all(map(store.is_weak, offending)):
            # The devices are full: whoever was named is left out, and the newcomer stays alone.
            for ref in home & kept:
                kept.remove(ref)
                dropped[ref] = "claim_limit"
            continue
        guilty = [ref for ref in kept - {anchor} if brought(store, fact, kept, ref) & offending]
        victim = store.lowest(guilty)
        kept.remove(victim)
        dropped[victim] = rule
    while capped := over_cap(store, fact, kept):
        victim = store.lowest(capped)
        kept.remove(victim)
        dropped[victim] = "cap"
    return write(store, fact, kept, dropped)


def refused_claim(store: NaiveStore, kept: set[Ref]) -> Ref | None:
    """Return the ref that a claim loses next, if any.

    Two refs clash when one is of a vouched person and the other is more than weak.
    """

    def weight(ref: Ref) -> str:
        person = store.person_of(ref)
        if person is None:
            return "weak" if store.is_weak(ref) else "strong"
        if store.is_vouched(person):
            return "vouched"
        return "strong" if store.has_strong(person) else "weak"

    def clash(first: Ref, second: Ref) -> bool:
        person = store.person_of(first)
        if person is not None and second in person.refs:
            return False
        weights = {weight(first), weight(second)}
        return "vouched" in weights and "weak" not in weights

    anchor = store.highest(kept)
    against = {ref for ref in kept if clash(anchor, ref)}
    if not against:
        against = {ref for ref in kept if any(clash(ref, other) for other in kept)}
    if not against:
        return None
    strong = {ref for ref in against if not store.is_weak(ref)}
    if strong:
        return store.lowest(strong)
    if store.person_of(anchor) is None and not store.is_weak(anchor):
        return store.lowest(ref for ref in kept if not store.is_weak(ref))
    return store.lowest(against)


def is_taken_apart(store: NaiveStore, fact: Fact, kept: set[Ref], person: Person) -> bool:
    """Whether a trusted fact takes its refs from this person instead of joining them."""
    if fact.trust == Trust.CLAIM or store.is_vouched(person) or not store.has_strong(person):
        return False
    return not any(ref.namespace == "profile" and ref in person.refs for ref in kept)


def pieces(store: NaiveStore, fact: Fact, kept: set[Ref]) -> list[set[Ref]]:
    parts: list[set[Ref]] = []
    for ref in kept:
        person = store.person_of(ref)
        if person is None or is_taken_apart(store, fact, kept, person):
            parts.append({ref} | carried(store, kept, person, ref))
        elif person.refs not in parts:
            parts.append(set(person.refs))
    return parts


def carried(store: NaiveStore, kept: set[Ref], person: Person | None, ref: Ref) -> set[Ref]:
    """Return the UUIDs that the lowest taken ref brings from a person with nothing else left."""
    if person is None or ref != store.lowest(person.refs & kept):
        return set()
    left = person.refs - kept
    return left if all(other.namespace == "profile" for other in left) else set()


def brought(store: NaiveStore, fact: Fact, kept: set[Ref], ref: Ref) -> set[Ref]:
    """Return what a ref adds to the union: its part, or nothing if the anchor is in it."""
    anchor = store.highest(kept)
    for piece in pieces(store, fact, kept):
        if ref in piece:
            return set() if anchor in piece else piece
    raise AssertionError("every kept ref is in a piece")


def conflicting(store: NaiveStore, fact: Fact, kept: set[Ref]) -> tuple[str, set[Ref]] | None:
    parts = pieces(store, fact, kept)
    union = set().union(*parts)

    def are_apart(first: Ref, second: Ref) -> bool:
        return not any(first in part and second in part for part in parts)

    namespaces = []
    for ref in sorted(union, key=store.order):
        if ref.namespace not in namespaces:
            namespaces.append(ref.namespace)
    for namespace in namespaces:
        if store.rules.rule_for(namespace).is_unique:
            values = {ref for ref in union if ref.namespace == namespace}
            if any(are_apart(first, second) for first, second in combinations(values, 2)):
                return "unique", values
    for namespace in namespaces:
        limit = store.rules.rule_for(namespace).limit
        if limit is None:
            continue
        counted = set()
        for ref in union:
            age = (fact.day - store.since.get(ref, fact.day)).days
            is_claimed = ref not in store.vouched and ref not in kept
            if fact.trust != Trust.CLAIM and store.is_weak(ref) and is_claimed:
                continue
            if ref.namespace == namespace and (limit.days is None or age in range(limit.days)):
                counted.add(ref)
        if len(counted) > limit.count and not any(counted - part == set() for part in parts):
            return "limit", counted
    divided: set[Ref] = set()
    for first, second in combinations(union, 2):
        if store.are_apart(first, second) and are_apart(first, second):
            divided |= {first, second}
    return ("not_same", divided) if divided else None


def uniting(store: NaiveStore, fact: Fact, kept: set[Ref]) -> list[Person]:
    """Return the people that become one, oldest first: those joined, and those left empty."""
    united = []
    for person in sorted(store.people, key=lambda person: person.number):
        if not person.refs & kept:
            continue
        left = {ref for ref in person.refs - kept if ref.namespace != "profile"}
        if not left or not is_taken_apart(store, fact, kept, person):
            united.append(person)
    return united


def merged_through(store: NaiveStore, fact: Fact, kept: set[Ref]) -> set[Ref]:
    united = uniting(store, fact, kept)
    if not united:
        return set()
    home = next((person for person in united if store.highest(kept) in person.refs), united[0])
    return {
        ref
        for ref in kept
        for person in united
        if ref in person.refs and person is not home and ref.namespace != "profile"
    }


def is_over(store: NaiveStore, ref: Ref, wanter: Ref, day: date) -> bool:
    wants = {want for want in store.wants if want[0] == ref} | {(ref, wanter, day)}
    today = {want[1] for want in wants if want[2] == day}
    ever = {want[1] for want in wants}
    return len(today) > store.rules.daily_cap or len(ever) > store.rules.total_cap


def over_cap(store: NaiveStore, fact: Fact, kept: set[Ref]) -> list[Ref]:
    anchor = store.highest(kept)
    through = merged_through(store, fact, kept)
    return [ref for ref in through if is_over(store, ref, anchor, fact.day)]


def write(store: NaiveStore, fact: Fact, kept: set[Ref], dropped: dict[Ref, str]) -> NaiveOutcome:
    anchor = store.highest(kept)
    wanted = merged_through(store, fact, kept)
    wanted |= {
        ref
        for ref, rule in dropped.items()
        if ref.namespace != "profile" and rule not in ("trust", "claim_limit")
    }
    leaving = pushed_out(store, fact, kept)
    united = uniting(store, fact, kept)
    number = united[0].number if united else store.next_number()
    refs = set(kept).union(*(person.refs for person in united))
    others = [Person(person.number, person.refs - refs) for person in store.people]
    store.people = [person for person in others if person.refs] + [Person(number, refs)]
    for ref in kept:
        store.since.setdefault(ref, fact.day)
    if fact.trust != Trust.CLAIM:
        store.vouched |= kept
    newly_quarantined = {ref for ref in wanted if is_over(store, ref, anchor, fact.day)}
    store.quarantined |= newly_quarantined
    store.wants |= {(ref, anchor, fact.day) for ref in wanted}
    for ref in [*leaving, *sorted(newly_quarantined, key=store.order)]:
        live_alone(store, ref)
    return NaiveOutcome(number, anchor, kept, dropped)


def pushed_out(store: NaiveStore, fact: Fact, kept: set[Ref]) -> list[Ref]:
    """Return the claimed devices that are too many beside those of a trusted fact."""
    if fact.trust == Trust.CLAIM:
        return []
    parts = pieces(store, fact, kept)
    leaving: list[Ref] = []
    union = sorted(set().union(*parts), key=store.order)
    for namespace in dict.fromkeys(ref.namespace for ref in union):
        rule = store.rules.rule_for(namespace)
        brought_by = [part for part in parts if any(ref.namespace == namespace for ref in part)]
        if not rule.is_weak or rule.limit is None or len(brought_by) < 2:
            continue
        recent = [
            ref
            for ref in union
            if ref.namespace == namespace
            and (
                rule.limit.days is None
                or (fact.day - store.since.get(ref, fact.day)).days in range(rule.limit.days)
            )
        ]
        claimed = [ref for ref in recent if ref not in store.vouched | kept]
        claimed.sort(key=lambda ref: (store.since[ref], store.order(ref)))
        leaving += claimed[: max(0, len(recent) - rule.limit.count)]
    return leaving


def live_alone(store: NaiveStore, ref: Ref) -> None:
    person = store.person_of(ref)
    if person is None or all(other.namespace == "profile" for other in person.refs - {ref}):
        return
    person.refs.remove(ref)
    store.people.append(Person(store.next_number(), {ref}))
