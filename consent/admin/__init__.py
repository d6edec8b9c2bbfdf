"""The admin of consent: purposes and notices, the ledger, privacy requests, and who is kept out."""

from consent.admin import ledger, purposes, requests, section, suppression

__all__ = ["ledger", "purposes", "requests", "section", "suppression"]
