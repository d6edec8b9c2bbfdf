"""The admin of this app: segments, and their section of the profile page."""

from segments.admin import (
    automations,
    computed,
    destinations,
    exclusive_groups,
    exports,
    families,
    lists,
    mail_templates,
    profile_section,
    segments,
    webhooks,
)

__all__ = [
    "automations",
    "computed",
    "destinations",
    "exclusive_groups",
    "exports",
    "families",
    "lists",
    "mail_templates",
    "profile_section",
    "segments",
    "webhooks",
]
