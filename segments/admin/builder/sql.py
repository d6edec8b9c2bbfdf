"""What the store has, to suggest it: keys and frequent values, out of bounded samples."""

# Returns how many of a sample of the profiles there are, and how many have each key. Not ORM: it
# has no TABLESAMPLE, and cannot take objects apart.
TRAIT_FILL = """
WITH sampled AS MATERIALIZED (
    SELECT p.traits FROM profiles_profile p TABLESAMPLE SYSTEM (%(percent)s)
    WHERE NOT p.is_restricted LIMIT %(most)s
)
SELECT NULL, count(*) FROM sampled
UNION ALL
SELECT found.key, count(*) FROM sampled
CROSS JOIN LATERAL jsonb_object_keys(sampled.traits) AS found (key) GROUP BY found.key
"""

# Returns the most frequent values at a path of the traits, or in a list there, as JSON text, with
# how many of a sample of the profiles have them. Not ORM: it cannot take lists apart.
TRAIT_VALUES = """
WITH sampled AS MATERIALIZED (
    SELECT p.traits FROM profiles_profile p TABLESAMPLE SYSTEM (%(percent)s)
    WHERE NOT p.is_restricted LIMIT %(most)s
)
SELECT item::text, count(*) FROM sampled
CROSS JOIN LATERAL jsonb_path_query(sampled.traits, %(path)s::jsonpath) AS item
WHERE jsonb_typeof(item) IN ('string', 'number') AND item #>> '{}' ILIKE %(pattern)s
GROUP BY item HAVING count(*) >= %(shared_by)s ORDER BY count(*) DESC, item LIMIT %(limit)s
"""

# Returns the traits of some accounts, the most frequent first, with how many have them. Not ORM: it
# cannot take objects apart.
ACCOUNT_TRAITS = """
WITH some AS MATERIALIZED (SELECT a.traits FROM profiles_account a ORDER BY a.id DESC LIMIT 5000)
SELECT found.key, count(*) FROM some
CROSS JOIN LATERAL jsonb_object_keys(some.traits) AS found (key)
WHERE found.key ILIKE %(pattern)s
GROUP BY found.key ORDER BY count(*) DESC, found.key LIMIT %(limit)s
"""

# Return the keys of the objects at a path of the properties or the context of the latest events of
# some names, and the most frequent values there as JSON text, with how many have them. Not ORM, for
# the same reasons.
EVENT_KEYS = """
WITH latest AS MATERIALIZED (
    SELECT e.properties, e.context FROM profiles_event e WHERE e.name_id = ANY(%(names)s)
    ORDER BY e."timestamp" DESC LIMIT 1000
)
SELECT found.key, count(*) FROM latest
CROSS JOIN LATERAL jsonb_path_query(
    jsonb_build_object('properties', latest.properties, 'context', latest.context),
    %(path)s::jsonpath) AS holder
CROSS JOIN LATERAL jsonb_object_keys(
    CASE WHEN jsonb_typeof(holder) = 'object' THEN holder ELSE '{}' END) AS found (key)
WHERE found.key ILIKE %(pattern)s
GROUP BY found.key ORDER BY count(*) DESC, found.key LIMIT %(limit)s
"""
EVENT_VALUES = """
WITH latest AS MATERIALIZED (
    SELECT e.properties, e.context FROM profiles_event e WHERE e.name_id = ANY(%(names)s)
    ORDER BY e."timestamp" DESC LIMIT 1000
)
SELECT item::text, count(*) FROM latest
CROSS JOIN LATERAL jsonb_path_query(
    jsonb_build_object('properties', latest.properties, 'context', latest.context),
    %(path)s::jsonpath) AS item
WHERE jsonb_typeof(item) IN ('string', 'number') AND item #>> '{}' ILIKE %(pattern)s
GROUP BY item HAVING count(*) >= %(shared_by)s ORDER BY count(*) DESC, item LIMIT %(limit)s
"""

# Returns how many people did each of the events of some names. Not ORM: a bounded sample of it.
PEOPLE_BY_EVENT = """
SELECT s.name_id, count(*) FROM profiles_eventstat s
WHERE s.name_id = ANY(%(names)s) GROUP BY s.name_id
"""
