"""The identity rules that staff have set, and the versions by which facts were judged."""

import contextlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max

from profiles.audit import Actor, save_audited
from profiles.identifiers.normalisers import (
    InvalidIdentifier,
    normalise,
)
from profiles.identity.engine import Limit, NamespaceRule, Rules
from profiles.lib.people_lock import people_lock
from profiles.lib.spellings import OWN_NORMALISERS, Normaliser
from profiles.models import (
    ErasedNamespace,
    Identifier,
    IdentityFact,
    IdentityRule,
    IdentityRulesVersion,
    Source,
)

# Stands for all namespaces, where people were erased before their namespaces were kept.
ANY_NAMESPACE = "*"


@dataclass(frozen=True, slots=True)
class RulesHistory:
    """The versions of the rules, the oldest first, each with the fact after which it began."""

    after_seqs: Sequence[int]
    versions: Sequence[Rules]

    def at(self, seq: int) -> Rules:
        """Return the rules by which the fact was judged; the first ones for older facts."""
        return self.versions[max(0, bisect_left(self.after_seqs, seq) - 1)]


def load_rules() -> Rules:
    """Read the rules from the database."""
    # Not cached: a rule changed in the admin applies from the next chunk on.
    joining = Source.objects.filter(joins_people=True).values_list("key", flat=True)
    return Rules(
        namespaces={row.namespace: _rule(row) for row in IdentityRule.objects.all()},
        joining_sources=frozenset(joining),
    )


def load_blocked() -> dict[str, frozenset[str]]:
    """Return the values that staff block, by namespace: as they wrote them, and as stored."""
    return {
        rule.namespace: frozenset(
            spelling for value in rule.blocked_values for spelling in _spellings(rule, value)
        )
        for rule in IdentityRule.objects.exclude(blocked_values=[])
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


def record_rules(rules: Rules) -> None:
    """Keep the rules as a version, unless they are the last one. The caller holds the people lock.

    Facts that are stored from now on were judged by them.
    """
    plain = _as_json(rules)
    last = IdentityRulesVersion.objects.last()
    if last is None or last.rules != plain:
        seqs = IdentityFact.objects.aggregate(last=Max("seq"))
        # Never before the last one: the facts between may have been erased.
        after_seq = max(seqs["last"] or 0, last.after_seq if last else 0)
        IdentityRulesVersion.objects.create(after_seq=after_seq, rules=plain)


def load_history() -> RulesHistory:
    """Return all versions; where no fact was judged yet, today's rules alone."""
    rows = list(IdentityRulesVersion.objects.values_list("after_seq", "rules"))
    if not rows:
        return RulesHistory([0], [load_rules()])
    return RulesHistory([seq for seq, _ in rows], [_from_json(rules) for _, rules in rows])


def save_identity_rule(rule: IdentityRule, *, actor: Actor) -> None:
    """Save the rule of a namespace. The next chunk obeys it. Raises ValidationError.

    The normaliser changes only while nobody has an identifier of the namespace, nor was erased by
    one: values that are stored would name nobody any more, or two people, and erased people, of
    whom only hashes of spellings are kept, would be strangers.
    """
    with transaction.atomic():
        # The drain stores identifiers under it.
        people_lock()
        if _is_respelled(rule) and _has_named_somebody(rule.namespace):
            raise ValidationError({"normaliser": "Values came already, and keep their spelling."})
        save_audited(rule, actor=actor, noun="identity_rule", key=rule.namespace)


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
