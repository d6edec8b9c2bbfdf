"""Why two identifiers are one person's, or why they are not.

Invariant: an answer names facts and rules that are stored; nothing is guessed.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from django.db.models import Q
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from profiles.identifiers.lookup import restricted_identifiers
from profiles.identity.engine import PROFILE, RefusalRule
from profiles.identity.explain import FactStep, path_of_facts
from profiles.identity.facts import REFUSALS
from profiles.models import (
    DecisionVerdict,
    Identifier,
    IdentityDecision,
    IdentityFact,
    IdentityOutcome,
    TrustLevel,
)

QUARANTINE = "quarantine"
# Of long histories the facts that were judged last: one is enough to know why.
_FACTS_AT_MOST = 10_000
_REFUSALS_AT_MOST = 100

# What each rule means for two people, and what it would take.
DETAILS = {
    RefusalRule.TRUST: (
        _("A claim of a public key may not join somebody for whom a trusted source vouches."),
        _("A message with a secret key, or a signed identify, that names both."),
    ),
    RefusalRule.UNIQUE: (
        _("Both have a value of a namespace of which one person has one."),
        _("A verdict of staff that they are the same person."),
    ),
    RefusalRule.LIMIT: (
        _("Together they would have more values of a namespace than one person may."),
        _("A higher limit of the namespace, or a verdict that they are the same person."),
    ),
    RefusalRule.NOT_SAME: (
        _("A verdict keeps the two apart."),
        _("That the verdict is undone."),
    ),
    RefusalRule.CAP: (
        _("Too many profiles want the identifier that they share."),
        _("A verdict that they are the same person."),
    ),
    RefusalRule.CLAIM_LIMIT: (
        _("The person has as many claimed devices as one may have."),
        _("A message with a secret key that names both."),
    ),
}


@dataclass(frozen=True, slots=True)
class RefusedFact:
    """A fact that named both sides, or what they share, and lost an identifier to a rule."""

    source: str
    trust: str
    day: str
    identifiers: Sequence[Identifier]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why two profiles are not one. `fact` is None where a verdict or a quarantine says so."""

    rule: str
    fact: RefusedFact | None
    detail: str
    needed: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two identifiers beside each other.

    `path` is the shortest chain of facts and verdicts between them, `shared` has the identifiers
    that facts name together with both profiles.
    """

    is_merged: bool
    path: Sequence[FactStep]
    shared: Sequence[Identifier]
    refusals: Sequence[Refusal]

    @property
    def sentence(self) -> str:
        """The answer in one sentence, in the reader's language."""
        if self.is_merged:
            return self._merged_sentence
        if self.refusals:
            words = gettext("They are two people's. %(detail)s It would take: %(needed)s")
            first = self.refusals[0]
            return words % {"detail": first.detail, "needed": first.needed}
        if self.shared:
            return gettext(
                "They are two people's, and no rule was asked: what they share named nobody."
            )
        return gettext("They are two people's: no fact names them or anything of theirs together.")

    @property
    def _merged_sentence(self) -> str:
        if not self.path:
            return gettext("They are one person's: they belong to one profile.")
        words = ngettext(
            "They are one person's: %(steps)d step of facts and verdicts connects them.",
            "They are one person's: %(steps)d steps of facts and verdicts connect them.",
            len(self.path),
        )
        return words % {"steps": len(self.path)}


def compare(one: Identifier, other: Identifier, *, with_restricted: bool) -> Comparison:
    """Say why the two are one person's, or what refused it.

    Facts may name third people. Without `with_restricted` identifiers of restricted ones are left
    out.
    """
    if one.profile_id is not None and one.profile_id == other.profile_id:
        return Comparison(True, path_of_facts(one, other) or (), (), ())
    sides = [_side(one), _side(other)]
    facts = [_facts_naming(side) for side in sides]
    ids_in_facts = [{pk for fact in part.values() for pk in fact.identifier_ids} for part in facts]
    shared = ids_in_facts[0] & ids_in_facts[1]
    bridging = {
        seq: fact
        for part, opposite in zip(facts, reversed(sides), strict=True)
        for seq, fact in part.items()
        if opposite & set(fact.identifier_ids) or shared & set(fact.identifier_ids)
    }
    identifiers = Identifier.objects.in_bulk(
        shared | {pk for fact in bridging.values() for pk in fact.identifier_ids}
    )
    if not with_restricted:
        hidden = restricted_identifiers(identifiers.values())
        identifiers = {pk: row for pk, row in identifiers.items() if pk not in hidden}
    refusals = [
        *_verdicts(sides[0], sides[1]),
        *_quarantines(identifiers[pk] for pk in sorted(shared & identifiers.keys())),
        *_refused_facts(bridging, sides, shared, identifiers),
    ]
    common = [
        identifiers[pk]
        for pk in sorted(shared & identifiers.keys())
        if identifiers[pk].namespace != PROFILE
    ]
    return Comparison(False, (), common, refusals)


def _side(identifier: Identifier) -> set[int]:
    if identifier.profile_id is None:
        return {identifier.pk}
    rows = Identifier.objects.filter(profile=identifier.profile_id)
    return set(rows.values_list("pk", flat=True))


def _facts_naming(identifier_ids: set[int]) -> dict[int, IdentityFact]:
    facts = IdentityFact.objects.filter(identifier_ids__overlap=list(identifier_ids))
    latest = facts.select_related("source").order_by("-seq")[:_FACTS_AT_MOST]
    return {fact.seq: fact for fact in latest}


def _verdicts(some: set[int], others: set[int]) -> Iterator[Refusal]:
    apart = IdentityDecision.objects.filter(
        Q(one__in=some, other__in=others) | Q(one__in=others, other__in=some), ended_at=None
    ).exclude(verdict=DecisionVerdict.SAME)
    for decision in apart.order_by("-pk"):
        needed = str(DETAILS[RefusalRule.NOT_SAME][1])
        label = DecisionVerdict(decision.verdict).label
        detail = gettext("A verdict says: %(verdict)s.") % {"verdict": label}
        yield Refusal(decision.verdict, None, detail, needed)


def _quarantines(shared: Iterable[Identifier]) -> Iterator[Refusal]:
    for identifier in shared:
        if identifier.quarantined_at is not None:
            yield Refusal(
                QUARANTINE,
                None,
                gettext("The %(namespace)s that they share was wanted by too many people.")
                % {"namespace": identifier.namespace},
                gettext("That the identifier is released, and facts name both with it again."),
            )


def _refused_facts(
    facts: dict[int, IdentityFact],
    sides: Sequence[set[int]],
    shared: set[int],
    identifiers: dict[int, Identifier],
) -> Iterator[Refusal]:
    """Yield a refusal for each rule that took something of theirs out of a fact, newest first."""
    relevant = sides[0] | sides[1] | shared
    outcomes = IdentityOutcome.objects.filter(
        fact__in=list(facts), identifier__in=list(relevant), rule__in=REFUSALS
    )
    seen: set[tuple[int, str]] = set()
    for outcome in outcomes.order_by("-fact_id", "pk")[: _REFUSALS_AT_MOST * 4]:
        key = (outcome.fact_id, outcome.rule)
        if key in seen or len(seen) >= _REFUSALS_AT_MOST:
            continue
        seen.add(key)
        fact = facts[outcome.fact_id]
        detail, needed = map(str, DETAILS[RefusalRule(outcome.rule)])
        yield Refusal(
            outcome.rule,
            RefusedFact(
                fact.source.key,
                TrustLevel(fact.trust).api_name,
                fact.day.isoformat(),
                [identifiers[pk] for pk in fact.identifier_ids if pk in identifiers],
            ),
            detail,
            needed,
        )
