"""Statements of the extension Citus and of the catalogue, by which tables are spread."""

# Returns the number of this machine's group, which is 0 on the coordinator, and whether the
# coordinator is one of the known machines.
COORDINATOR = """
SELECT (SELECT groupid FROM pg_dist_local_group),
    EXISTS (SELECT 1 FROM pg_dist_node WHERE groupid = 0)
"""

# Returns name and port of the machines that take rows.
WORKERS = """
SELECT nodename || ':' || nodeport FROM pg_dist_node
WHERE isactive AND shouldhaveshards AND noderole = 'primary' ORDER BY 1
"""

# Returns name and port of each worker on which a setting or version differs from this machine's,
# and what differs.
DIFFERENCES = """
SELECT nodename || ':' || nodeport, CASE WHEN success THEN result ELSE 'no answer' END
FROM run_command_on_workers($command$
    SELECT current_setting('server_version_num')::int / 10000 || ', Citus ' || extversion
        || ', time zone ' || (SELECT reset_val FROM pg_settings WHERE name = 'TimeZone')
    FROM pg_extension WHERE extname = 'citus'
$command$)
WHERE NOT success OR result IS DISTINCT FROM (
    SELECT current_setting('server_version_num')::int / 10000 || ', Citus ' || extversion
        || ', time zone UTC'
    FROM pg_extension WHERE extname = 'citus'
)
"""

# Returns how many other sessions use this database.
OTHER_SESSIONS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
    AND backend_type = 'client backend' AND application_name NOT LIKE 'citus%%'
"""

# Returns whether SET LOCAL reaches the workers in this session and in those to come.
REACHES_WORKERS = """
SELECT current_setting('citus.propagate_set_commands') = 'local'
"""

# Returns the functions of ours that workers do not know, ready to be named.
UNKNOWN_FUNCTIONS = """
SELECT p.oid::regprocedure::text FROM pg_proc p
WHERE p.pronamespace = current_schema()::regnamespace AND p.prorettype <> 'trigger'::regtype
    AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
    AND NOT EXISTS (
        SELECT 1 FROM pg_catalog.pg_dist_object o
        WHERE o.classid = 'pg_proc'::regclass AND o.objid = p.oid)
"""

# Makes a function known to all workers.
SHARE_FUNCTION = """
SELECT create_distributed_function(%s)
"""

# Returns the statements that create our collations.
COLLATIONS = """
SELECT format('CREATE COLLATION IF NOT EXISTS %%I (provider = %%s, locale = %%L)', c.collname,
    CASE c.collprovider WHEN 'c' THEN 'libc' WHEN 'b' THEN 'builtin' ELSE 'icu' END,
    coalesce(c.collcollate, to_jsonb(c) ->> 'colllocale', to_jsonb(c) ->> 'colliculocale'))
FROM pg_collation c WHERE c.collnamespace = current_schema()::regnamespace
"""

# Returns the least number of our collations that a worker has, and how many there are.
KNOWN_COLLATIONS = """
SELECT coalesce(min(result::int), 0), (
    SELECT count(*) FROM pg_collation WHERE collnamespace = current_schema()::regnamespace)
FROM run_command_on_workers(
    'SELECT count(*) FROM pg_collation WHERE collnamespace = current_schema()::regnamespace')
"""

# Runs a statement on every worker, and returns the number of those where it failed.
ON_WORKERS = """
SELECT count(*) FILTER (WHERE NOT success) FROM run_command_on_workers(%s)
"""

# Returns the table and the name of each foreign key that one of the tables has or is the target of,
# unless both ends are spread.
CROSSING_KEYS = """
SELECT c.conrelid::regclass::text, c.conname FROM pg_constraint c
WHERE c.contype = 'f' AND c.conparentid = 0
    AND (c.conrelid = ANY(%(tables)s::regclass[]) OR c.confrelid = ANY(%(tables)s::regclass[]))
    AND NOT EXISTS (
        SELECT 1 FROM pg_dist_partition one, pg_dist_partition other
        WHERE one.logicalrelid = c.conrelid AND other.logicalrelid = c.confrelid)
"""

# Returns whether a column of a table has a foreign key.
HAS_KEY = """
SELECT EXISTS (
    SELECT 1 FROM pg_constraint c
    JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY(c.conkey)
    WHERE c.contype = 'f' AND c.conrelid = %s::regclass AND a.attname = %s)
"""

# Returns the bytes that a table and its partitions have on this machine, with their indexes.
LOCAL_BYTES = """
SELECT coalesce(sum(pg_total_relation_size(tree.relid)), 0)::bigint
FROM pg_partition_tree(%(table)s::regclass) AS tree
UNION ALL
SELECT pg_total_relation_size(%(table)s::regclass)
ORDER BY 1 DESC LIMIT 1
"""

# Returns whether a table or one of its partitions has a row on this machine that is not in a shard.
HAS_LOCAL_ROWS = """
SELECT bool_or(pg_relation_size(relid) > 0) FROM (
    SELECT relid::oid FROM pg_partition_tree(%(table)s::regclass)
    UNION SELECT %(table)s::regclass::oid
) AS tree
"""

# Deletes what a table had on the coordinator before it was spread.
TRUNCATE_LOCAL = """
SELECT truncate_local_data_after_distributing_table(%s)
"""
