"""The admin of this app: segments, and their section of the profile page."""

from segments.admin import (
    destinations,
    exclusive_groups,
    exports,
    families,
    lists,
    profile_section,
    segments,
    webhooks,
)

__all__ = [
    "destinations",
    "exclusive_groups",
    "exports",
    "families",
    "lists",
    "profile_section",
    "segments",
    "webhooks",
]
