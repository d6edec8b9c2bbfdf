"""The admin of this app: segments, and their section of the profile page."""

from segments.admin import families, profile_section, segments

__all__ = ["families", "profile_section", "segments"]
