"""The admin of sources with their write keys, the inbox, rejected messages, and imports."""

from ingestion.admin import imports, inbox, rejected, sources

__all__ = ["imports", "inbox", "rejected", "sources"]
