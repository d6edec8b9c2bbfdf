"""The admin of sources, plans, forbidden names, webhooks, the inbox, rejected messages, imports and
products."""

from ingestion.admin import (
    forbidden,
    hooks,
    imports,
    inbox,
    plans,
    products,
    rejected,
    sources,
    sql_sources,
)

__all__ = [
    "forbidden",
    "hooks",
    "imports",
    "inbox",
    "plans",
    "products",
    "rejected",
    "sources",
    "sql_sources",
]
