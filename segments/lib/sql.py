"""The statements of locks, and of large evaluations."""

# The first of the two numbers of this app's advisory locks. The second is a slot, 0 to 63, or the
# lock of definitions.
LOCK_SPACE = 0x7E55_5E60
SLOTS = 64
DEFINITIONS = 64

# Locks those of the slots that are free and returns them. Not ORM, as for all advisory locks.
TRY_SLOTS = """
SELECT slot FROM unnest(%s::int[]) AS wanted (slot) WHERE pg_try_advisory_xact_lock(%s, slot)
"""

# Waits for slots and locks them, in ascending order, so that two callers cannot deadlock.
LOCK_SLOTS = """
SELECT pg_advisory_xact_lock(%s, slot) FROM (SELECT unnest(%s::int[]) AS slot ORDER BY 1) AS wanted
"""

# Lets sets of ids be hashed in memory for this transaction. Otherwise the planner compares them
# row by row, which takes quadratic time.
RAISE_WORK_MEM = "SET LOCAL work_mem = '256MB'"
