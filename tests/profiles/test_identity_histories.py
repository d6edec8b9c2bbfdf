"""Identity on random histories: fact by fact, replayed, and by the naive oracle."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.identifiers.references import Ref
from profiles.identity.engine import (
    DEFAULT_RULES,
    Assignment,
    Decisions,
    Fact,
    IdentityState,
    Limit,
    NamespaceRule,
    Outcome,
    Rules,
    Trust,
    Verdict,
    apply_fact,
    resolve,
)
from tests.oracles import identity as oracle
from tests.profiles.identity_stories import (
    CLAIM,
    DAY,
    NO_DECISIONS,
    SERVER,
    STAFF,
    VERIFIED,
    people_of,
    ref,
    refusals,
    rules_with,
)
from tests.tries import tries

NAMESPACES = {"u": 2, "e": 3, "f": 2, "a": 3, "d": 1, "c": 2, "p": 1}
UNIVERSE = [ref(f"{kind}{number}") for kind, size in NAMESPACES.items() for number in range(size)]
TIGHT_RULES = rules_with(
    NamespaceRule("email", 2, Limit(2, 3)),
    NamespaceRule("phone", 3, Limit(1)),
    NamespaceRule("anonymous_id", 4, Limit(2, 2), is_weak=True),
    daily_cap=1,
    total_cap=2,
    joining_sources=frozenset({"shop"}),
)
LOOSE_RULES = replace(DEFAULT_RULES, joining_sources=frozenset({"shop"}), total_cap=3)
FREE_RULES = Rules(
    {
        rule.namespace: replace(rule, limit=None, is_unique=False)
        for rule in DEFAULT_RULES.namespaces.values()
    },
    daily_cap=1000,
    total_cap=1000,
)
ref_sets = st.lists(st.sampled_from(UNIVERSE), min_size=1, max_size=4, unique=True)
pairs_of_refs = st.tuples(st.sampled_from(UNIVERSE), st.sampled_from(UNIVERSE)).filter(
    lambda pair: pair[0] != pair[1]
)


@st.composite
def verdicts(draw: st.DrawFn, *, with_same: bool = True) -> list[Verdict]:
    """Verdicts as they are stored: one on each pair, in any order."""
    same = st.booleans() if with_same else st.just(False)
    pairs = draw(st.lists(pairs_of_refs, max_size=5, unique_by=frozenset))
    return [
        Verdict(one, other, number, draw(same), draw(st.booleans()))
        for number, (one, other) in enumerate(pairs)
    ]


@st.composite
def histories(draw: st.DrawFn) -> list[Fact]:
    """Facts about few people, many of them repeated, and not always in the order of their days."""
    pool = st.sampled_from(draw(st.lists(ref_sets, min_size=1, max_size=5)))
    sightings = st.tuples(
        ref_sets | pool,
        st.sampled_from(["web", "web", "shop"]),
        st.sampled_from([CLAIM, CLAIM, SERVER, VERIFIED, STAFF]),
        st.integers(0, 6),
    )
    # A drawn length, since lists are short by themselves and rules fire late.
    length = draw(st.integers(1, 40))
    return [
        Fact(seq, tuple(fact_refs), source, trust, DAY + timedelta(days))
        for seq, (fact_refs, source, trust, days) in enumerate(
            draw(st.lists(sightings, min_size=length, max_size=length))
        )
    ]


@dataclass
class Rows:
    """A store that is written from outcomes alone, and loaded only in part for each fact."""

    rules: Rules
    decisions: Decisions
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    identifiers: dict[Ref, Assignment] = field(default_factory=dict)
    wants: set[tuple[Ref, Ref, date]] = field(default_factory=set)
    quarantined: set[Ref] = field(default_factory=set)

    def load(self, fact: Fact) -> IdentityState:
        state = IdentityState(self.numbers.__next__)
        touched = self._reached(set(fact.refs))
        for ref_, assignment in self.identifiers.items():
            if assignment.profile in touched:
                state.assign(ref_, *assignment)
        for wanted, wanter, day in self.wants:
            if wanted in fact.refs:
                state.add_want(wanted, wanter, day)
        for quarantined in self.quarantined.intersection(fact.refs):
            state.quarantine(quarantined)
        return state

    def _reached(self, refs: set[Ref]) -> set[int]:
        """The profiles of the refs, and those that verdicts of "same" tie to them."""
        touched: set[int] = set()
        while refs:
            touched |= {self.identifiers[ref].profile for ref in refs if ref in self.identifiers}
            inside = {ref for ref, row in self.identifiers.items() if row.profile in touched}
            ties = list(self.decisions.same_of(inside | refs))
            partners = {ref for verdict in ties for ref in (verdict.one, verdict.other)}
            refs = {
                ref
                for ref in partners - inside
                if ref in self.identifiers and self.identifiers[ref].profile not in touched
            }
        return touched

    def add_fact(self, fact: Fact) -> Outcome:
        outcome = apply_fact(self.load(fact), fact, self.rules, self.decisions)
        self.write(outcome, fact.day)
        return outcome

    def write(self, outcome: Outcome, day: date) -> None:
        rows = self.identifiers
        for move in outcome.placed:
            rows[move.ref] = Assignment(move.target, False, day)
        for move in outcome.moved:
            assert rows[move.ref].profile == move.origin
            rows[move.ref] = rows[move.ref]._replace(profile=move.target)
        for attached in outcome.attached:
            rows[attached] = Assignment(outcome.profile, False, day)
        for vouched in outcome.vouched:
            rows[vouched] = rows[vouched]._replace(is_vouched=True)
        if outcome.is_new:
            rows[Ref("profile", f"uuid of {outcome.profile}")] = Assignment(
                outcome.profile, False, day
            )
        for move in outcome.set_apart:
            assert rows[move.ref].profile == move.origin
            rows[move.ref] = rows[move.ref]._replace(profile=move.target)
            rows[Ref("profile", f"uuid of {move.target}")] = Assignment(move.target, False, day)
        for join in outcome.joins:
            for move in join.moves:
                assert rows[move.ref].profile == join.absorbed
                rows[move.ref] = rows[move.ref]._replace(profile=join.survivor)
        self.wants.update((wanted, outcome.anchor, day) for wanted in outcome.wanted)
        self.quarantined.update(outcome.quarantined)
        profiles = {assignment.profile for assignment in rows.values()}
        assert not profiles.intersection(outcome.absorbed)


def as_naive(outcome: Outcome) -> oracle.NaiveOutcome:
    return oracle.NaiveOutcome(
        outcome.profile, outcome.anchor, set(outcome.kept), refusals(outcome)
    )


def assignments_in(store: oracle.NaiveStore) -> dict[Ref, Assignment]:
    return {
        ref_: Assignment(person.number, ref_ in store.vouched, store.since[ref_])
        for person in store.people
        for ref_ in person.refs
    }


@settings(max_examples=tries(500), deadline=None)
@given(histories(), st.sampled_from([TIGHT_RULES, LOOSE_RULES, DEFAULT_RULES]), verdicts())
def test_fact_by_fact_equals_replay_equals_the_naive_oracle(
    facts: list[Fact], rules: Rules, decided: Sequence[Verdict]
):
    rows = Rows(rules, Decisions(decided))
    outcomes = [rows.add_fact(fact) for fact in facts]
    replayed = resolve(reversed(facts), rules, Decisions(decided))
    store, naive = oracle.replay(facts, rules, decided)

    assert [as_naive(outcome) for outcome in outcomes] == naive
    assert replayed.assignments() == assignments_in(store)
    stored = {ref_: row for ref_, row in rows.identifiers.items() if "uuid" not in ref_.value}
    assert stored == replayed.assignments()
    assert rows.wants == set(replayed.wants()) == store.wants
    assert rows.quarantined == set(replayed.quarantined_refs()) == store.quarantined


@settings(max_examples=tries(150), deadline=None)
@given(st.data(), st.lists(ref_sets, max_size=20), st.sampled_from([CLAIM, SERVER]))
def test_where_no_rule_fires_the_order_of_facts_does_not_matter(
    data: st.DataObject, groups: list[list[Ref]], trust: Trust
):
    shuffled = data.draw(st.permutations(groups))
    first, second = (
        resolve(
            [Fact(seq, tuple(refs), "web", trust, DAY) for seq, refs in enumerate(order)],
            FREE_RULES,
            NO_DECISIONS,
        )
        for order in (groups, shuffled)
    )
    expected = connected_components(groups)
    assert {frozenset(person) for person in people_of(first)} == expected
    assert {frozenset(person) for person in people_of(second)} == expected


def connected_components(edges: Iterable[list[Ref]]) -> set[frozenset[Ref]]:
    components: set[frozenset[Ref]] = set()
    for edge in edges:
        touching = {component for component in components if component.intersection(edge)}
        components = (components - touching) | {frozenset(edge).union(*touching)}
    return components


@settings(max_examples=tries(150), deadline=None)
@given(histories(), verdicts(with_same=False))
def test_no_person_ever_breaks_a_rule(facts: list[Fact], decided: Sequence[Verdict]):
    for person in people_of(resolve(facts, LOOSE_RULES, Decisions(decided))):
        assert sum(1 for ref_ in person if ref_.namespace == "user_id") <= 1
        assert not any({verdict.one, verdict.other} <= person for verdict in decided)


@settings(max_examples=tries(300), deadline=None)
@given(histories(), verdicts())
def test_the_newest_verdict_holds_for_every_person(facts: list[Fact], decided: Sequence[Verdict]):
    state = resolve(facts, LOOSE_RULES, Decisions(decided))
    for verdict in decided:
        one, other = state.profile_of(verdict.one), state.profile_of(verdict.other)
        if one is None or other is None:
            continue
        newer = [v for v in decided if v.number > verdict.number]
        if not verdict.is_same:
            # Only a newer "same" may bring together what a verdict keeps apart.
            assert one != other or any(v.is_same for v in newer)
        elif verdict.is_of_staff and not any(not v.is_same for v in newer):
            assert one == other
