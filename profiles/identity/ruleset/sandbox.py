"""A toy history judged by rules: made-up facts, and the people that the engine makes of them.

Invariant: nothing is stored, and no person of the store is read. Facts are judged by the engine
that judges those of sources.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import count

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from profiles.identifiers.lookup import load_normalisers, parse_reference
from profiles.identifiers.normalisers import InvalidIdentifier, is_blocked
from profiles.identifiers.references import Ref
from profiles.identity.comparison import DETAILS
from profiles.identity.engine import (
    Decisions,
    Fact,
    IdentityState,
    Outcome,
    RefusalRule,
    Trust,
    Verdict,
    apply_fact,
)
from profiles.identity.rules import Ruleset, load_blocked, load_rules
from profiles.identity.ruleset.document import ParsedRules
from profiles.models import DecisionVerdict

MOST_FACTS, MOST_IDENTIFIERS = 50, 60  # what a picture can show
BLOCKED, QUARANTINED = "blocked", "quarantine"
REASONS: Mapping[str, str | Promise] = {
    BLOCKED: _("The value is blocked: it stands for nobody."),
    QUARANTINED: _("Too many people wanted it before: it names nobody."),
}


@dataclass(frozen=True, slots=True)
class ToyFact:
    """Identifiers as `namespace:value` that a source names together."""

    identifiers: Sequence[str]
    trust: Trust
    day: date
    source: str = ""


@dataclass(frozen=True, slots=True)
class ToyVerdict:
    """A verdict of staff on two identifiers as `namespace:value`."""

    verdict: DecisionVerdict
    one: str
    other: str


@dataclass(frozen=True, slots=True)
class ToyHistory:
    """Facts in the order in which they come, and verdicts that stand from the start."""

    facts: Sequence[ToyFact]
    verdicts: Sequence[ToyVerdict] = ()


class ToyFault(ValueError):
    """A toy history that cannot be judged; `path` is where, such as `facts[2].identifiers[0]`."""

    def __init__(self, path: str, detail: str) -> None:
        super().__init__(detail)
        self.path = path
        self.detail = detail


@dataclass(frozen=True, slots=True)
class LostIdentifier:
    """An identifier that a fact lost, and to what."""

    ref: Ref
    rule: str

    @property
    def reason(self) -> str:
        """Why, as a sentence."""
        if self.rule in REASONS:
            return str(REASONS[self.rule])
        return str(DETAILS[RefusalRule(self.rule)][0])


@dataclass(frozen=True, slots=True)
class Step:
    """What one fact did: whom it named, what it lost, and how many people it made one."""

    kept: Sequence[Ref]
    lost: Sequence[LostIdentifier]
    joined: int
    quarantined: Sequence[Ref]


@dataclass(slots=True)
class Played:
    """The people after all facts, the first created first, and what each fact did."""

    people: list[list[Ref]] = field(default_factory=list)
    vouched: set[Ref] = field(default_factory=set)
    weak: set[Ref] = field(default_factory=set)
    quarantined: set[Ref] = field(default_factory=set)
    steps: list[Step] = field(default_factory=list)


def play_by_stored(history: ToyHistory) -> Played:
    """Judge a toy history by the rules that hold. Raises ToyFault."""
    return _play(history, Ruleset(load_rules(), load_blocked()), load_normalisers())


def play_by_candidate(history: ToyHistory, parsed: ParsedRules) -> Played:
    """Judge a toy history by other rules. Raises ToyFault."""
    return _play(history, parsed.ruleset, {row.namespace: row.normaliser for row in parsed.rows})


def _play(history: ToyHistory, ruleset: Ruleset, normalisers: Mapping[str, str]) -> Played:
    for name, rows in (("facts", history.facts), ("verdicts", history.verdicts)):
        if len(rows) > MOST_FACTS:
            raise ToyFault(name, f"At most {MOST_FACTS}.")
    refs = [_refs_of(fact, place, normalisers) for place, fact in enumerate(history.facts)]
    if len({ref for of_fact in refs for ref in of_fact}) > MOST_IDENTIFIERS:
        raise ToyFault("facts", f"At most {MOST_IDENTIFIERS} identifiers.")
    decisions = Decisions(_verdicts_of(history.verdicts, normalisers))
    state, played = IdentityState(count(1).__next__), Played()
    for seq, (toy, of_fact) in enumerate(zip(history.facts, refs, strict=True), 1):
        blocked = [
            ref for ref in of_fact if is_blocked(ref.namespace, ref.value) or ruleset.blocks(ref)
        ]
        usable = tuple(ref for ref in of_fact if ref not in blocked)
        before = {ref for ref in usable if state.is_quarantined(ref)}
        outcome = None
        if usable:
            fact = Fact(seq, usable, toy.source, toy.trust, toy.day)
            outcome = apply_fact(state, fact, ruleset.rules, decisions)
        played.steps.append(_step(outcome, blocked, before))
    _finish(played, state, ruleset)
    return played


def _refs_of(fact: ToyFact, place: int, normalisers: Mapping[str, str]) -> tuple[Ref, ...]:
    if not fact.identifiers:
        raise ToyFault(f"facts[{place}].identifiers", "A fact names at least one identifier.")
    refs = [
        _ref(reference, f"facts[{place}].identifiers[{number}]", normalisers)
        for number, reference in enumerate(fact.identifiers)
    ]
    return tuple(dict.fromkeys(refs))


def _ref(reference: str, path: str, normalisers: Mapping[str, str]) -> Ref:
    try:
        return parse_reference(reference, normalisers)
    except InvalidIdentifier as error:
        raise ToyFault(path, f"{error}.") from None


def _verdicts_of(verdicts: Sequence[ToyVerdict], normalisers: Mapping[str, str]) -> list[Verdict]:
    stored = []
    for number, toy in enumerate(verdicts):
        one, other = (
            _ref(reference, f"verdicts[{number}].{side}", normalisers)
            for side, reference in (("one", toy.one), ("other", toy.other))
        )
        if one == other:
            raise ToyFault(f"verdicts[{number}].other", "The two identifiers are the same one.")
        stored.append(Verdict(one, other, number + 1, toy.verdict == DecisionVerdict.SAME))
    return stored


def _step(outcome: Outcome | None, blocked: Sequence[Ref], quarantined: set[Ref]) -> Step:
    lost = [LostIdentifier(ref, BLOCKED) for ref in blocked]
    if outcome is None:
        return Step((), lost, 0, ())
    kept = set(outcome.kept)
    lost += [LostIdentifier(ref, QUARANTINED) for ref in sorted(quarantined - kept)]
    lost += [LostIdentifier(each.ref, str(each.rule)) for each in outcome.dropped]
    joined = len(outcome.absorbed) + len(outcome.joins)
    return Step(outcome.kept, lost, joined + 1 if joined else 0, outcome.quarantined)


def _finish(played: Played, state: IdentityState, ruleset: Ruleset) -> None:
    by_profile: dict[int, list[Ref]] = defaultdict(list)
    for ref, assignment in state.assignments().items():
        by_profile[assignment.profile].append(ref)
        if assignment.is_vouched:
            played.vouched.add(ref)
        if ruleset.rules.is_weak(ref):
            played.weak.add(ref)
    played.people = [sorted(refs, key=ruleset.rules.rank) for _, refs in sorted(by_profile.items())]
    played.quarantined = set(state.quarantined_refs())
