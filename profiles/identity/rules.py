"""The identity rules that staff have set, and the versions by which facts were judged."""

import contextlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Max

from profiles.identifiers.normalisers import (
    InvalidIdentifier,
    is_blocked,
    normalise,
)
from profiles.identifiers.references import Ref
from profiles.identity.engine import Limit, NamespaceRule, Rules
from profiles.lib.spellings import OWN_NORMALISERS, Normaliser
from profiles.models import (
    ErasedNamespace,
    Identifier,
    IdentityCaps,
    IdentityFact,
    IdentityRule,
    IdentityRulesVersion,
    Source,
)

# Stands for all namespaces, where people were erased before their namespaces were kept.
ANY_NAMESPACE = "*"


@dataclass(frozen=True, slots=True)
class Ruleset:
    """Rules, and by namespace the values that facts judged by them do without."""

    rules: Rules
    blocked: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def blocks(self, ref: Ref) -> bool:
        """Whether the identifier stands for nobody by these rules."""
        extra = self.blocked.get(ref.namespace)
        return bool(extra) and is_blocked(ref.namespace, ref.value, extra or ())


@dataclass(frozen=True, slots=True)
class Origin:
    """Who made a version of the rules, why, and the file that restores it."""

    actor: str = ""
    reason: str = ""
    document: Mapping[str, Any] | None = None


UNKNOWN = Origin()


@dataclass(frozen=True, slots=True)
class RulesHistory:
    """The versions of the rules, the oldest first, each with the fact after which it began.

    `numbers` has the place of each version by its number.
    """

    after_seqs: Sequence[int]
    versions: Sequence[Ruleset]
    numbers: Mapping[int, int] = field(default_factory=dict)

    def at(self, seq: int, judged_by: int | None = None) -> Ruleset:
        """Return the rules by which the fact was judged; the first ones for older facts.

        A fact that was judged again has the number of the version by which it was. What staff
        blocked in other versions never came to be in a fact.
        """
        if judged_by is not None:
            return self.versions[self.numbers[judged_by]]
        place = max(0, bisect_left(self.after_seqs, seq) - 1)
        return Ruleset(self.versions[place].rules)


def load_rules() -> Rules:
    """Read the rules from the database."""
    # Not cached: a rule changed in the admin applies from the next chunk on.
    joining = Source.objects.filter(joins_people=True).values_list("key", flat=True)
    return rules_of(IdentityRule.objects.all(), load_caps(), joining)


def load_caps() -> IdentityCaps:
    """Return the caps that hold, by default those with which a store begins."""
    return IdentityCaps.objects.first() or IdentityCaps()


def rules_of(rows: Iterable[IdentityRule], caps: IdentityCaps, joining: Iterable[str]) -> Rules:
    """Return the rules that such rows make, with the keys of sources that may join people."""
    return Rules(
        namespaces={row.namespace: _rule(row) for row in rows},
        daily_cap=caps.daily,
        total_cap=caps.total,
        joining_sources=frozenset(joining),
    )


def load_blocked() -> dict[str, frozenset[str]]:
    """Return the values that staff block, by namespace: as they wrote them, and as stored."""
    return blocked_of(IdentityRule.objects.exclude(blocked_values=[]))


def blocked_of(rows: Iterable[IdentityRule]) -> dict[str, frozenset[str]]:
    """Return the values that such rows block, by namespace."""
    return {
        rule.namespace: frozenset(
            spelling for value in rule.blocked_values for spelling in _spellings(rule, value)
        )
        for rule in rows
        if rule.blocked_values
    }


def _spellings(rule: IdentityRule, value: str) -> Iterator[str]:
    yield value
    # What is blocked may be no identifier in the first place.
    with contextlib.suppress(InvalidIdentifier):
        yield normalise(
            rule.namespace,
            value,
            region=settings.DEFAULT_PHONE_REGION,
            normaliser=rule.normaliser,
        )


def begin_version(ruleset: Ruleset, origin: Origin = UNKNOWN) -> IdentityRulesVersion:
    """Keep rules as those by which all facts to come are judged. Under the people lock."""
    last = IdentityRulesVersion.objects.last()
    seqs = IdentityFact.objects.aggregate(last=Max("seq"))
    # Never before the last one: the facts between may have been erased.
    after_seq = max(seqs["last"] or 0, last.after_seq if last else 0)
    blocked = {namespace: sorted(values) for namespace, values in ruleset.blocked.items()}
    return IdentityRulesVersion.objects.create(
        after_seq=after_seq,
        rules=_as_json(ruleset.rules),
        blocked=blocked,
        document=origin.document,
        actor=origin.actor,
        reason=origin.reason,
    )


def is_of_version(rules: Rules, version: IdentityRulesVersion | None) -> bool:
    """Whether facts are judged by these rules in the version."""
    return version is not None and version.rules == _as_json(rules)


def load_history() -> RulesHistory:
    """Return all versions; where no fact was judged yet, today's rules alone."""
    rows = list(IdentityRulesVersion.objects.all())
    if not rows:
        return RulesHistory([0], [Ruleset(load_rules())])
    return RulesHistory(
        [row.after_seq for row in rows],
        [ruleset_of(row) for row in rows],
        {row.pk: place for place, row in enumerate(rows)},
    )


def ruleset_of(version: IdentityRulesVersion) -> Ruleset:
    """Return the rules of a version."""
    blocked = {namespace: frozenset(values) for namespace, values in version.blocked.items()}
    return Ruleset(_from_json(version.rules), blocked)


def refuse_respelling(rule: IdentityRule) -> None:
    """Raise ValidationError if identifiers of the namespace have another spelling already."""
    if _is_respelled(rule) and _has_named_somebody(rule.namespace):
        raise ValidationError({"normaliser": "Values came already, and keep their spelling."})


def note_erased_namespaces(namespaces: Iterable[str]) -> None:
    """Keep that people were erased by identifiers of these namespaces."""
    own = sorted(set(namespaces) - OWN_NORMALISERS.keys())
    rows = [ErasedNamespace(namespace=namespace) for namespace in own]
    ErasedNamespace.objects.bulk_create(rows, ignore_conflicts=True)


def _is_respelled(rule: IdentityRule) -> bool:
    stored = IdentityRule.objects.filter(namespace=rule.namespace).values_list("normaliser")
    (normaliser,) = stored.first() or (Normaliser.AS_SENT,)
    return rule.normaliser != normaliser


def _has_named_somebody(namespace: str) -> bool:
    return (
        Identifier.objects.filter(namespace=namespace).exists()
        or ErasedNamespace.objects.filter(namespace__in=[namespace, ANY_NAMESPACE]).exists()
    )


def _rule(row: IdentityRule) -> NamespaceRule:
    limit = None if row.limit_count is None else Limit(row.limit_count, row.limit_days)
    return NamespaceRule(row.namespace, row.priority, limit, row.is_unique, row.is_weak)


def _as_json(rules: Rules) -> dict[str, Any]:
    return {
        "namespaces": [asdict(rules.namespaces[name]) for name in sorted(rules.namespaces)],
        "daily_cap": rules.daily_cap,
        "total_cap": rules.total_cap,
        "joining_sources": sorted(rules.joining_sources),
    }


def _from_json(plain: dict[str, Any]) -> Rules:
    rules = [
        NamespaceRule(**{**rule, "limit": Limit(**rule["limit"]) if rule["limit"] else None})
        for rule in plain["namespaces"]
    ]
    return Rules(
        namespaces={rule.namespace: rule for rule in rules},
        daily_cap=plain["daily_cap"],
        total_cap=plain["total_cap"],
        joining_sources=frozenset(plain["joining_sources"]),
    )
