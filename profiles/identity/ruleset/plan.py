"""What other rules would have made of all people, had they stood from the start.

Invariant: it only reads, at one moment, group by group of components; memory is for the largest.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import nlargest
from math import sqrt
from typing import Any

from profiles.identity.engine import PROFILE
from profiles.identity.replay import (
    IdentityConfiguration,
    StoredIdentifier,
    read_configuration,
)
from profiles.identity.rules import Ruleset, load_blocked
from profiles.identity.ruleset.document import ParsedRules, parse_document, with_number
from profiles.identity.ruleset.four_ways import FourWays, Parting
from profiles.identity.ruleset.rejudge import (
    Judgement,
    StoredPeople,
    component_groups,
    rejudge,
)
from profiles.identity.verify import component_batches
from profiles.lib.database import consistent_snapshot
from profiles.lib.estimates import estimated_rows
from profiles.models import IdentityFact, Profile
from profiles.registry import registry

COMPONENTS_AT_ONCE = 500
LARGEST = 10
MOST_VALUES = 10
# Whose rows are counted; of more people a part, which the plan names.
MOST_COUNTED = 10_000
# Facts that an answer can wait for.
FACTS_PER_ANSWER = 20_000
_SPREAD = 2_654_435_761  # of multiplicative hashing (Knuth): numbers in a row fall anywhere
_HASHES = 2**32


UNBLOCKING = (
    "Values that are no longer blocked name people in messages to come only: no fact has kept them."
)


@dataclass(frozen=True, slots=True)
class Cluster:
    """One of the largest people under the rules: its identifiers, and who is in it today."""

    identifiers: int
    profiles: Sequence[str]


@dataclass(slots=True)
class RulesPlan:
    """What rules would do. Figures are of a sample where `share` is below 1.

    `quarantined` and `blocked` count identifiers. `affected` has the rows of people who change, by
    what they are, of the first `counted` of these.
    """

    share: float
    profiles_before: int = 0
    profiles_after: int = 0
    facts: int = 0
    table: FourWays = field(default_factory=FourWays)
    largest: list[Cluster] = field(default_factory=list)
    quarantined_before: int = 0
    quarantined_after: int = 0
    blocked: int = 0
    counted: int = 0
    affected: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    _squares: int = 0  # of the people who change in each component, of which samples are made
    _sized: list[tuple[int, tuple[int, ...]]] = field(default_factory=list)

    @property
    def is_exact(self) -> bool:
        return self.share >= 1

    @property
    def changing(self) -> int:
        """How many people change, in the sample."""
        return len(self.table.changed)

    @property
    def changing_interval(self) -> tuple[int, int]:
        """Between how many people change in the whole store, in 19 of 20 samples.

        The estimate of Horvitz and Thompson, with components that are drawn one by one.
        """
        if self.is_exact:
            return self.changing, self.changing
        estimate = self.changing / self.share
        margin = 1.96 * sqrt(max(self._squares, 1) * (1 - self.share)) / self.share
        return max(self.changing, int(estimate - margin)), int(estimate + margin) + 1


@dataclass(frozen=True, slots=True)
class Swept:
    """What the rules would do with one number changed to `value`."""

    value: int
    plan: RulesPlan


def plan_rules(parsed: ParsedRules, *, most_facts: int | None = None) -> RulesPlan:
    """Judge the whole history by the rules and compare people with those of now.

    With `most_facts` a sample of about so many facts is judged, where there are more.
    """
    with consistent_snapshot():
        plan = RulesPlan(_share(most_facts))
        configuration = read_configuration()
        for _ in plan_groups(plan, parsed.ruleset, configuration):
            pass
        finish_plan(plan)
        plan.notes = notes_on(parsed)
    return plan


def notes_on(parsed: ParsedRules) -> list[str]:
    """Say what of the rules holds for messages to come only."""
    wanted = parsed.ruleset.blocked
    is_unblocking = any(
        values - wanted.get(namespace, frozenset()) for namespace, values in load_blocked().items()
    )
    return [UNBLOCKING] if is_unblocking else []


def plan_groups(
    plan: RulesPlan, ruleset: Ruleset, configuration: IdentityConfiguration
) -> Iterator[int]:
    """Add all people to the plan, group by group; yield how many components each group has."""
    chosen = (
        component
        for batch in component_batches()
        for component in batch
        if component * _SPREAD % _HASHES < plan.share * _HASHES
    )
    groups = component_groups(chosen, ruleset, configuration, size=COMPONENTS_AT_ONCE)
    for components in groups:
        people, judgement = rejudge(components, ruleset, configuration)
        _add(plan, people, judgement, ruleset)
        yield len(components)


def count_components() -> int:
    """Return how many components a plan of the whole store goes through."""
    return sum(len(batch) for batch in component_batches())


def finish_plan(plan: RulesPlan) -> None:
    """Name the largest people, and count the rows of those who change."""
    ids = {profile_id for _, members in plan._sized for profile_id in members}
    uuids = dict(Profile.objects.filter(pk__in=ids).values_list("pk", "uuid"))
    plan.largest = [
        Cluster(size, [str(uuids[pk]) for pk in members if pk in uuids])
        for size, members in nlargest(LARGEST, plan._sized)
    ]
    changed = sorted(plan.table.changed)[:MOST_COUNTED]
    plan.counted = len(changed)
    plan.affected = registry.count_rows(changed)


def sweep(
    content: Mapping[str, Any], path: str, values: Sequence[int], *, most_facts: int | None
) -> list[Swept]:
    """Plan the rules with each of the values at a path. Raises RulesFault."""
    parsed = [parse_document(with_number(content, path, value)) for value in values[:MOST_VALUES]]
    return [
        Swept(value, plan_rules(rules, most_facts=most_facts))
        for value, rules in zip(values, parsed, strict=False)
    ]


def _share(most_facts: int | None) -> float:
    if most_facts is None:
        return 1.0
    facts = estimated_rows(IdentityFact._meta.db_table)
    if facts is None or facts <= most_facts:
        # Never analysed, as small tables are.
        facts = IdentityFact.objects.order_by()[: 2 * most_facts].count()
    return min(1.0, most_facts / max(facts, 1))


def _add(plan: RulesPlan, people: StoredPeople, judgement: Judgement, ruleset: Ruleset) -> None:
    rows = [row for row in people.inside.values() if row.ref.namespace != PROFILE]
    before = _stored_parting(rows)
    after = _judged_parting(rows, judgement)
    plan.facts += len(judgement.seqs)
    plan.profiles_before += len(before)
    plan.profiles_after += len(after)
    plan.table.add(before, after)
    plan.quarantined_before += sum(row.is_quarantined for row in rows)
    plan.quarantined_after += sum(judgement.is_quarantined(row) for row in rows)
    plan.blocked += sum(ruleset.blocks(row.ref) for row in rows)
    owners = {row.id: row.profile_id for row in rows}
    sized = [
        (len(ids), tuple(sorted({owner for pk in ids if (owner := owners[pk])})[:LARGEST]))
        for ids in after.values()
    ]
    plan._sized = nlargest(LARGEST, [*plan._sized, *sized])
    components = {row.profile_id: row.component for row in rows}
    changed = Counter(components[pk] for pk in before.keys() & plan.table.changed)
    plan._squares += sum(number * number for number in changed.values())


def _stored_parting(rows: Sequence[StoredIdentifier]) -> Parting:
    parting: dict[int, set[int]] = defaultdict(set)
    for row in rows:
        if row.profile_id is not None:
            parting[row.profile_id].add(row.id)
    return parting


def _judged_parting(rows: Sequence[StoredIdentifier], judgement: Judgement) -> Parting:
    """Return the people under the rules; who is lost to all facts stays by themselves."""
    parting: dict[int, set[int]] = defaultdict(set)
    for row in rows:
        number = judgement.state.profile_of(row.ref)
        if number is not None:
            parting[number].add(row.id)
        elif row.profile_id is not None:
            parting[-row.id].add(row.id)
    return parting
