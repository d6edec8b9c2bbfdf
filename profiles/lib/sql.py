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

# Returns whether the database has the extension Citus. Not ORM: a catalogue table.
HAS_CITUS = """
SELECT to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL
"""

# Returns the column by which a table is spread over a cluster, or no row. Not ORM, likewise.
SPREAD_COLUMN = """
SELECT column_to_column_name(logicalrelid, partkey) FROM pg_dist_partition
WHERE logicalrelid = %s::regclass AND partmethod = 'h'
"""

# Returns the name and the columns of a table's primary key. Not ORM, likewise.
PRIMARY_KEY = """
SELECT c.conname, array_agg(a.attname::text ORDER BY k.place)
FROM pg_constraint c
CROSS JOIN LATERAL unnest(c.conkey) WITH ORDINALITY AS k (number, place)
JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.number
WHERE c.conrelid = %s::regclass AND c.contype = 'p' GROUP BY c.conname
"""

# Spreads a table over a number of shards, or in the shards of another table. Not ORM: functions of
# the extension.
SPREAD = """
SELECT create_distributed_table(%s, %s, colocate_with => 'none', shard_count => %s)
"""
SPREAD_BESIDE = """
SELECT create_distributed_table(%s, %s, colocate_with => %s)
"""
