"""The admin of sources, plans, forbidden names, webhooks, the inbox, rejected messages, imports,
products, and the registry of what messages are made of."""

from ingestion.admin import (
    forbidden,
    hooks,
    imports,
    inbox,
    plans,
    products,
    rejected,
    schema,
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
    "schema",
    "sources",
    "sql_sources",
]
