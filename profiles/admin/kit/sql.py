"""Constant statements of the admin, each with the reason why it is not ORM."""

# What the planner believes: a count without reading the table. A partitioned table is the sum of its parts.
ESTIMATED_ROWS = """
SELECT coalesce(sum(c.reltuples) FILTER (WHERE c.relkind = 'r' AND c.reltuples > 0), 0)::bigint,
       bool_or(c.relkind = 'r' AND c.reltuples < 0)
FROM pg_class c
WHERE c.oid = %(table)s::regclass
   OR c.oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = %(table)s::regclass)
"""
