"""The admin of this app: segments, and their section of the profile page."""

from segments.admin import (
    automations,
    code_pools,
    code_section,
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
    "code_pools",
    "code_section",
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
