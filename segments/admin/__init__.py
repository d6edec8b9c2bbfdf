"""The admin of this app: segments, and their section of the profile page."""

from segments.admin import profile_section, segments

__all__ = ["profile_section", "segments"]
