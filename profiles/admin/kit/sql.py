"""Statements of the admin."""

# Returns the planner's estimate of a table's rows, or of the sum of its partitions, and whether it
# has none yet for any of them. The ORM counts by reading the table.
ESTIMATED_ROWS = """
SELECT coalesce(sum(c.reltuples) FILTER (WHERE c.relkind = 'r' AND c.reltuples > 0), 0)::bigint,
       bool_or(c.relkind = 'r' AND c.reltuples < 0)
FROM pg_class c
WHERE c.oid = %(table)s::regclass
   OR c.oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = %(table)s::regclass)
"""
