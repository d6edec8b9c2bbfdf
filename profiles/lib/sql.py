"""Statements of the change queue and of snapshots."""

# Append-only and in bulk: no object is made for a wake-up.
MARK_CHANGED = """
INSERT INTO profiles_profilechange (profile_id) SELECT unnest(%s::bigint[])
"""
DELETE_CHANGES = """
DELETE FROM profiles_profilechange WHERE profile_id = %(profile)s
"""
READ_ONE_SNAPSHOT = """
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY
"""
# The names of all tables of the product, without partitions. The ORM knows only those of its models.
TABLES = """
SELECT relname FROM pg_class
WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
"""
