"""The admin of profiles, identity rules, and access."""

from profiles.admin import (
    access,
    accounts,
    audit,
    cases,
    decisions,
    health,
    households,
    identity,
    proposals,
    rules,
    rules_versions,
)
from profiles.admin.profile import changelist

__all__ = [
    "access",
    "accounts",
    "audit",
    "cases",
    "changelist",
    "decisions",
    "health",
    "households",
    "identity",
    "proposals",
    "rules",
    "rules_versions",
]
