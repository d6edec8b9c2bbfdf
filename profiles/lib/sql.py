"""Statements of the change queue, of snapshots, of estimates and of a cluster's catalogue."""

# Adds profiles to the change queue. They await computed traits where there are any; whoever makes
# the first one holds the people lock, as does whoever changes what is computed. The ORM would make
# one object for each row.
MARK_CHANGED = """
INSERT INTO profiles_profilechange (profile_id, awaits_traits)
SELECT profile_id, EXISTS (SELECT FROM profiles_traitdefinition WHERE is_computed)
FROM unnest(%s::bigint[]) AS changed (profile_id)
"""

# Adds profiles with what changed about each. Not ORM, likewise.
MARK_CHANGES_OF_KIND = """
INSERT INTO profiles_profilechange (profile_id, kind, reference, awaits_traits)
SELECT profile_id, %s, reference, EXISTS (SELECT FROM profiles_traitdefinition WHERE is_computed)
FROM unnest(%s::bigint[], %s::text[]) AS changed (profile_id, reference)
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

# Returns the planner's estimate of a table's rows, or of the sum of its partitions, whether it has
# none yet for any of them, and whether the database may be a cluster. The ORM counts by reading the
# table.
ESTIMATED_ROWS = """
SELECT coalesce(sum(c.reltuples) FILTER (WHERE c.relkind = 'r' AND c.reltuples > 0), 0)::bigint,
       bool_or(c.relkind = 'r' AND c.reltuples < 0),
       to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL
FROM pg_class c
WHERE c.oid = %(table)s::regclass
   OR c.oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = %(table)s::regclass)
"""

# Returns the sum of such estimates of all shards of a spread table, or no row for another table.
# Not ORM: catalogue tables of other machines.
ESTIMATED_ROWS_OF_SHARDS = """
SELECT sum(split_part(shard.result, ' ', 1)::bigint)::bigint,
       bool_or(NOT shard.success OR split_part(shard.result, ' ', 2) = 'true')
FROM pg_dist_partition d
CROSS JOIN LATERAL run_command_on_shards(d.logicalrelid, $command$
    SELECT coalesce(sum(c.reltuples) FILTER (WHERE c.relkind = 'r' AND c.reltuples > 0), 0)::bigint
        || ' ' || bool_or(c.relkind = 'r' AND c.reltuples < 0)::text
    FROM pg_class c
    WHERE c.oid = '%%1$s'::regclass
       OR c.oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = '%%1$s'::regclass)
$command$) AS shard
WHERE d.logicalrelid = %(table)s::regclass AND d.partmethod = 'h'
HAVING count(*) > 0
"""
