"""Short words for identity tests: refs like `u1`, stories told fact by fact, the people they make."""

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
NOBODY_DECIDED = Decisions()


def ref(text: str) -> Ref:
    """`u1` is user_id 1, `e1` an e-mail, `f1` a phone, `a1` anonymous, `d1` a device, `c1` custom."""
    names = {"u": "user_id", "e": "email", "f": "phone", "a": "anonymous_id", "d": "ios.id"}
    names |= {"c": "loyalty_card", "p": "profile"}
    return Ref(names[text[0]], text[1:])


def refs(text: str) -> tuple[Ref, ...]:
    return tuple(ref(word) for word in text.split())


@dataclass
class Story:
    """Facts told one after the other to one state."""

    rules: Rules = DEFAULT_RULES
    decisions: Decisions = NOBODY_DECIDED
    state: IdentityState = field(default_factory=lambda: IdentityState(count(1).__next__))
    seq: int = 0

    def tell(
        self, text: str, trust: Trust = SERVER, source: str = "shop", day: date = DAY
    ) -> Outcome:
        self.seq += 1
        fact = Fact(self.seq, refs(text), source, trust, day)
        return apply_fact(self.state, fact, self.rules, self.decisions)

    def people(self) -> list[set[Ref]]:
        return people_of(self.state)


def people_of(state: IdentityState) -> list[set[Ref]]:
    numbers = sorted({holding.profile for holding in state.holdings().values()})
    return [set(state.refs_of(number)) for number in numbers]


def people(*texts: str) -> list[set[Ref]]:
    return [set(refs(text)) for text in texts]


def lost(outcome: Outcome) -> dict[Ref, RefusalRule]:
    return {dropped.ref: dropped.rule for dropped in outcome.dropped}


def rules_with(*changed: NamespaceRule, **overrides: object) -> Rules:
    namespaces = dict(DEFAULT_RULES.namespaces) | {rule.namespace: rule for rule in changed}
    return replace(DEFAULT_RULES, namespaces=namespaces, **overrides)
