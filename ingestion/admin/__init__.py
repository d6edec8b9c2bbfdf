"""The admin of sources with their write keys, the inbox, and rejected messages."""

from ingestion.admin import inbox, rejected, sources

__all__ = ["inbox", "rejected", "sources"]
