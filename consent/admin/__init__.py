"""The admin of consent: purposes and notices, the ledger, privacy requests, and who is kept out."""

from consent.admin import ledger, profile_sections, purposes, requests, suppression

__all__ = ["ledger", "profile_sections", "purposes", "requests", "suppression"]
