"""The statements by which all that is stored is searched.

Not ORM: the search must know nothing of the models, or it would miss what they do not declare.
"""

from psycopg import sql

# Returns the tables of this store, with their columns of bytes. Rows of partitions are found in the
# partitioned table.
TABLES = """
SELECT c.relname, coalesce(array_agg(a.attname) FILTER (WHERE a.atttypid = 'bytea'::regtype), '{}')
FROM pg_class c
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = current_schema()::regnamespace
  AND c.relkind IN ('r', 'p') AND NOT c.relispartition
GROUP BY c.relname
ORDER BY c.relname
"""

# Returns in how many rows a spelling is, in how many a hash, and in how many a value of somebody
# else. As text, a row shows JSON and arrays as they are.
COUNT_ROWS = sql.SQL("""
SELECT count(*) FILTER (WHERE lower(whole_row::text) LIKE ANY(%(spellings)s)),
       count(*) FILTER (WHERE lower(whole_row::text) LIKE ANY(%(hashes)s)),
       count(*) FILTER (WHERE lower(whole_row::text) LIKE ANY(%(others)s))
FROM {table} AS whole_row
""")

# Returns what a column of bytes has, to be unpacked here.
BYTES = sql.SQL("SELECT {column} FROM {table} WHERE {column} IS NOT NULL")

# Returns the columns of which the planner's samples hold a spelling or a hash.
STATISTICS = """
SELECT tablename || '.' || attname FROM pg_stats
WHERE schemaname = current_schema()
  AND lower(concat_ws(' ', most_common_vals::text, most_common_elems::text, histogram_bounds::text))
      LIKE ANY(%s)
ORDER BY 1
"""
