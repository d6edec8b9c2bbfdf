"""The statement of the mailed links."""

# Waits for the lock of one address and holds it until the transaction ends, so that concurrent
# requests cannot exceed the limit of links. Not ORM: there is no row to lock yet.
LOCK_ADDRESS = """
SELECT pg_advisory_xact_lock(%s, %s)
"""
