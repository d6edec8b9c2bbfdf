"""The admin of ingestion: sources with their keys, the inbox, and what could not be taken."""

from ingestion.admin import inbox, rejected, sources

__all__ = ["inbox", "rejected", "sources"]
