"""The admin of segments: their list, the page of one with its members and history, and their part of a profile's page."""

from segments.admin import profile_section, segments

__all__ = ["profile_section", "segments"]
