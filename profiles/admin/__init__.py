"""The admin of profiles, identity rules, traits, and access."""

from profiles.admin import access, audit, decisions, identity, traits
from profiles.admin.profile import changelist

__all__ = ["access", "audit", "changelist", "decisions", "identity", "traits"]
