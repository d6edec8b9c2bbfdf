"""The admin of sources, keys, webhooks, the inbox, rejected messages, imports and products."""

from ingestion.admin import hooks, imports, inbox, products, rejected, sources

__all__ = ["hooks", "imports", "inbox", "products", "rejected", "sources"]
