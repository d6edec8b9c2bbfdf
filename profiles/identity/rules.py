"""Loading the identity rules that staff have set."""

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


def _rule(row: IdentityRule) -> NamespaceRule:
    limit = None if row.limit_count is None else Limit(row.limit_count, row.limit_days)
    return NamespaceRule(row.namespace, row.priority, limit, row.is_unique, row.is_weak)
