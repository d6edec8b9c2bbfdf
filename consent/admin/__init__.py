"""The admin of this app: purposes, notices, the ledger, requests, holds, suppressions."""

from consent.admin import (
    bounces,
    controllers,
    holds,
    ledger,
    profile_sections,
    purposes,
    retention,
    suppression,
)
from consent.admin.desk import bulk, letters, requests

__all__ = [
    "bounces",
    "bulk",
    "controllers",
    "holds",
    "ledger",
    "letters",
    "profile_sections",
    "purposes",
    "requests",
    "retention",
    "suppression",
]
