"""The admin of segments: their list, the page of one with its members and history, and their part of a profile's page."""

from segments.admin import section, segments

__all__ = ["section", "segments"]
