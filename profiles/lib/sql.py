"""Statements of the change queue and of snapshots."""

# Adds profiles to the change queue. The ORM would make one object for each row.
MARK_CHANGED = """
INSERT INTO profiles_profilechange (profile_id) SELECT unnest(%s::bigint[])
"""

# Deletes one erased profile from the change queue. SQL, because the registry's `eraser` takes a
# statement with this parameter.
DELETE_CHANGES = """
DELETE FROM profiles_profilechange WHERE profile_id = %(profile)s
"""

# Makes all reads of a transaction see the same moment. Django has no setting for one transaction.
READ_ONE_SNAPSHOT = """
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY
"""
# The names of all tables of the product, without partitions. The ORM knows only those of its
# models.
TABLES = """
SELECT relname FROM pg_class
WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
"""

# Limits the duration of the following statements of the transaction, and returns the former limit,
# which is read first. Not ORM: a setting.
EXCHANGE_TIMEOUT = """
WITH former AS MATERIALIZED (SELECT current_setting('statement_timeout') AS value)
SELECT former.value, set_config('statement_timeout', %s, true) FROM former
"""
