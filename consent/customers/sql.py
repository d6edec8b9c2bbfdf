"""Statements of the mailed links."""

# One writer at a time for one address, so that nobody gets more links than allowed.
LOCK_ADDRESS = """
SELECT pg_advisory_xact_lock(%s, %s)
"""
