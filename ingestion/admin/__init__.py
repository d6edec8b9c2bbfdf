"""The admin of sources, their keys and webhooks, the inbox, rejected messages and imports."""

from ingestion.admin import hooks, imports, inbox, rejected, sources

__all__ = ["hooks", "imports", "inbox", "rejected", "sources"]
