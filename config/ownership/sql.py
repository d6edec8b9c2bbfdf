"""Statements on roles and on the catalogue, neither of which the ORM knows."""

from psycopg import sql

# Returns whether the role of this session owns one of the tables, or is a member of its owner. A
# superuser is a member of every role.
MAY_BE_OWNER = """
SELECT coalesce(bool_or(pg_has_role(relowner, 'MEMBER')), true) FROM pg_class
WHERE relname = ANY(%s) AND relnamespace = current_schema()::regnamespace
"""

# Returns kind and name of what does not belong to %(owner)s or %(application)s as it should. What
# a column or an extension brings along follows the table or the extension.
STRAYS = """
SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, c.relname
FROM pg_class c
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v', 'S')
    AND pg_get_userbyid(c.relowner)
        <> CASE WHEN c.relname = ANY(%(ledger)s) THEN %(owner)s ELSE %(application)s END
    AND NOT EXISTS (
        SELECT 1 FROM pg_depend d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i', 'e')
            AND (c.relkind = 'S' OR d.deptype = 'e')
    )
ORDER BY c.relname
"""

# Returns whether a function of this schema belongs to a role.
IS_FUNCTION_OF = """
SELECT bool_and(pg_get_userbyid(proowner) = %s) FROM pg_proc
WHERE proname = %s AND pronamespace = current_schema()::regnamespace
"""

# Each changes the owner or the rights of one thing.
GIVE = sql.SQL("ALTER {kind} {name} OWNER TO {role}")
LET_MAKE = sql.SQL("GRANT USAGE, CREATE ON SCHEMA {schema} TO {role}")
LET_APPEND = sql.SQL("GRANT SELECT, INSERT, REFERENCES ON TABLE {name} TO {role}")
LET_READ = sql.SQL("GRANT SELECT ON TABLE {name} TO {role}")
LET_PRUNE = sql.SQL("GRANT EXECUTE ON FUNCTION {name} TO {role}")
LET_COUNT = sql.SQL("GRANT USAGE, SELECT ON SEQUENCE {name} TO {role}")
