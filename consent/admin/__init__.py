"""The admin of this app: purposes, notices, the ledger, requests, suppressions, controllers."""

from consent.admin import (
    controllers,
    ledger,
    profile_sections,
    purposes,
    suppression,
)
from consent.admin.desk import bulk, requests

__all__ = [
    "bulk",
    "controllers",
    "ledger",
    "profile_sections",
    "purposes",
    "requests",
    "suppression",
]
