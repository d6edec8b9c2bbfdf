"""The lock by which callers about the same thing wait for each other, and statistics."""

# Waits for the lock of two numbers and holds it until the transaction ends: the first says what is
# locked, the second is of its key. Not ORM: there is no row to lock yet.
LOCK_PAIR = """
SELECT pg_advisory_xact_lock(%s, %s)
"""

# Renews the planner's statistics of all tables. Not ORM: it has none.
RENEW_STATISTICS = """
ANALYZE
"""
