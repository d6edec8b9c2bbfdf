"""The admin of this app: purposes, notices, the ledger, privacy requests and suppressions."""

from consent.admin import ledger, profile_sections, purposes, requests, suppression

__all__ = ["ledger", "profile_sections", "purposes", "requests", "suppression"]
