"""The admin of people: their pages, the rules of identity, traits, and who has access."""

from profiles.admin import access, identity, people, traits

__all__ = ["access", "identity", "people", "traits"]
