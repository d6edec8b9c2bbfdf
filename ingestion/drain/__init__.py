"""Leased requests become people, traits, events and consents."""
