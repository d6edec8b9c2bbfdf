"""Frequent values of properties and traits, out of bounded samples.

Each statement counts the people of a value, not its events, so that one busy person makes no value
frequent.
"""

# Returns the most frequent values at a path of the latest events of a name, or in a list there, as
# JSON text, with how many people have each. Not ORM: it cannot take objects and lists apart.
PROPERTY_VALUES = """
WITH latest AS MATERIALIZED (
    SELECT e.profile_id, e.properties FROM profiles_event e WHERE e.name_id = %(name)s
    ORDER BY e."timestamp" DESC LIMIT 2000
)
SELECT item::text, count(DISTINCT latest.profile_id) AS people FROM latest
JOIN profiles_profile p ON p.id = latest.profile_id AND NOT p.is_restricted
CROSS JOIN LATERAL jsonb_path_query(latest.properties, %(path)s::jsonpath) AS item
WHERE jsonb_typeof(item) IN ('string', 'number', 'boolean')
GROUP BY item HAVING count(DISTINCT latest.profile_id) >= %(shared_by)s
ORDER BY people DESC, item LIMIT %(limit)s
"""

# Returns the same of a trait of a sample of the people. Not ORM: it has no TABLESAMPLE either.
TRAIT_VALUES = """
WITH sampled AS MATERIALIZED (
    SELECT p.traits FROM profiles_profile p TABLESAMPLE SYSTEM (%(percent)s)
    WHERE NOT p.is_restricted LIMIT %(most)s
)
SELECT item::text, count(*) AS people FROM sampled
CROSS JOIN LATERAL jsonb_path_query(sampled.traits, %(path)s::jsonpath) AS item
WHERE jsonb_typeof(item) IN ('string', 'number', 'boolean')
GROUP BY item HAVING count(*) >= %(shared_by)s ORDER BY people DESC, item LIMIT %(limit)s
"""

# Returns the same of the context of a sample of the events. Not ORM, for the same reasons.
CONTEXT_VALUES = """
WITH sampled AS MATERIALIZED (
    SELECT e.profile_id, e.context FROM profiles_event e TABLESAMPLE SYSTEM (%(percent)s)
    LIMIT %(most)s
)
SELECT item::text, count(DISTINCT sampled.profile_id) AS people FROM sampled
JOIN profiles_profile p ON p.id = sampled.profile_id AND NOT p.is_restricted
CROSS JOIN LATERAL jsonb_path_query(sampled.context, %(path)s::jsonpath) AS item
WHERE jsonb_typeof(item) IN ('string', 'number', 'boolean')
GROUP BY item HAVING count(DISTINCT sampled.profile_id) >= %(shared_by)s
ORDER BY people DESC, item LIMIT %(limit)s
"""
