"""Helpers of the identity tests: refs like `u1`, and stories of facts applied to one state."""

from dataclasses import dataclass, field, replace
from datetime import date
from itertools import count

from profiles.identifiers.references import Ref
from profiles.identity.engine import (
    DEFAULT_RULES,
    Decisions,
    Fact,
    IdentityState,
    NamespaceRule,
    Outcome,
    RefusalRule,
    Rules,
    Trust,
    apply_fact,
)

DAY = date(2024, 3, 1)
CLAIM, SERVER, VERIFIED, STAFF = Trust.CLAIM, Trust.SERVER, Trust.VERIFIED, Trust.STAFF
NO_DECISIONS = Decisions()


def ref(text: str) -> Ref:
    """Return the ref of a letter for its namespace and a value, such as `u1` for user_id 1."""
    namespaces = {
        "u": "user_id",
        "e": "email",
        "f": "phone",
        "a": "anonymous_id",
        "d": "ios.id",
        "c": "loyalty_card",
        "p": "profile",
    }
    return Ref(namespaces[text[0]], text[1:])


def refs(text: str) -> tuple[Ref, ...]:
    return tuple(ref(word) for word in text.split())


@dataclass
class Story:
    """Facts applied to one state, one after the other."""

    rules: Rules = DEFAULT_RULES
    decisions: Decisions = NO_DECISIONS
    state: IdentityState = field(default_factory=lambda: IdentityState(count(1).__next__))
    seq: int = 0

    def add_fact(
        self, text: str, trust: Trust = SERVER, source: str = "shop", day: date = DAY
    ) -> Outcome:
        self.seq += 1
        fact = Fact(self.seq, refs(text), source, trust, day)
        return apply_fact(self.state, fact, self.rules, self.decisions)

    def people(self) -> list[set[Ref]]:
        return people_of(self.state)


def people_of(state: IdentityState) -> list[set[Ref]]:
    numbers = sorted({assignment.profile for assignment in state.assignments().values()})
    return [set(state.refs_of(number)) for number in numbers]


def people(*texts: str) -> list[set[Ref]]:
    return [set(refs(text)) for text in texts]


def refusals(outcome: Outcome) -> dict[Ref, RefusalRule]:
    return {dropped.ref: dropped.rule for dropped in outcome.dropped}


def rules_with(*changed_rules: NamespaceRule, **overrides: object) -> Rules:
    changed = {rule.namespace: rule for rule in changed_rules}
    namespaces = dict(DEFAULT_RULES.namespaces) | changed
    return replace(DEFAULT_RULES, namespaces=namespaces, **overrides)
