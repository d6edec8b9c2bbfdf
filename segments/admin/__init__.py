"""The admin of this app: segments, and their section of the profile page."""

from segments.admin import exports, families, lists, profile_section, segments

__all__ = ["exports", "families", "lists", "profile_section", "segments"]
