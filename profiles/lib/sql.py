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
