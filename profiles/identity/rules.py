"""The identity rules that staff have set."""

import contextlib
from collections.abc import Iterator

from django.conf import settings

from profiles.audit import Actor, save_audited
from profiles.identifiers.normalisers import InvalidIdentifier, normalise
from profiles.identity.engine import Limit, NamespaceRule, Rules
from profiles.models import IdentityRule, Source


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
    rows = IdentityRule.objects.exclude(blocked_values=[]).values_list(
        "namespace", "blocked_values"
    )
    return {
        namespace: frozenset(
            spelling for value in values for spelling in _spellings(namespace, value)
        )
        for namespace, values in rows
    }


def _spellings(namespace: str, value: str) -> Iterator[str]:
    yield value
    # What is blocked may be no identifier in the first place.
    with contextlib.suppress(InvalidIdentifier):
        yield normalise(namespace, value, region=settings.DEFAULT_PHONE_REGION)


def save_identity_rule(rule: IdentityRule, *, actor: Actor) -> None:
    """Save the rule of a namespace. The next chunk obeys it. Raises ValidationError."""
    save_audited(rule, actor=actor, noun="identity_rule", key=rule.namespace)


def _rule(row: IdentityRule) -> NamespaceRule:
    limit = None if row.limit_count is None else Limit(row.limit_count, row.limit_days)
    return NamespaceRule(row.namespace, row.priority, limit, row.is_unique, row.is_weak)
