"""The admin of profiles, identity rules, traits, and access."""

from profiles.admin import access, audit, identity, traits
from profiles.admin.profile import changelist

__all__ = ["access", "audit", "changelist", "identity", "traits"]
