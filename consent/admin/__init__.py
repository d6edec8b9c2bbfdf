"""The admin of this app: purposes, notices, the ledger, requests, suppressions, controllers."""

from consent.admin import (
    controllers,
    ledger,
    profile_sections,
    purposes,
    requests,
    suppression,
)

__all__ = [
    "controllers",
    "ledger",
    "profile_sections",
    "purposes",
    "requests",
    "suppression",
]
