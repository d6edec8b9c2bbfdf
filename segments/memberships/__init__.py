"""Memberships: refreshing, rebuilding, reading and verifying them."""
