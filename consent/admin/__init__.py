"""The admin of this app: purposes, notices, the ledger, requests, suppressions, controllers."""

from consent.admin import (
    controllers,
    ledger,
    profile_sections,
    purposes,
    suppression,
)
from consent.admin.desk import requests

__all__ = [
    "controllers",
    "ledger",
    "profile_sections",
    "purposes",
    "requests",
    "suppression",
]
