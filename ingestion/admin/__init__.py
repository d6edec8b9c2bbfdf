"""The admin of sources, plans, webhooks, the inbox, rejected messages, imports and products."""

from ingestion.admin import hooks, imports, inbox, plans, products, rejected, sources

__all__ = ["hooks", "imports", "inbox", "plans", "products", "rejected", "sources"]
