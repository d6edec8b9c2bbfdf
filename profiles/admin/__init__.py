"""The admin of people: their pages, the rules of identity, traits, and who has access."""

from profiles.admin import access, identity, traits
from profiles.admin.profile import changelist

__all__ = ["access", "changelist", "identity", "traits"]
