"""Statements that evaluate a definition which need not be saved.

Invariant: no statement has values in its text. Those with `{parts}` are filled by the compiler with
fragments and parameters.
"""

# Returns the number of profiles that match. Not ORM: the condition is compiled SQL, here and in
# the other statements with `{condition}`.
COUNT_MATCHING = """
SELECT count(*) FROM profiles_profile p WHERE {condition}
"""

# Returns the public ids of some profiles that match.
LIST_MATCHING = """
SELECT p.uuid FROM profiles_profile p WHERE {condition} LIMIT {limit}::int
"""

# Returns the ids of a random sample of all profiles, each taken with the same probability. Not
# ORM: it has no TABLESAMPLE.
RANDOM_PROFILES = """
SELECT p.id FROM profiles_profile p TABLESAMPLE BERNOULLI (%s)
"""

# Returns the planner's estimate of the number of profiles. Not ORM: a catalogue table.
ESTIMATED_TOTAL = """
SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'profiles_profile'::regclass
"""

# Returns the public ids of those of the given profiles that match.
MATCHING_AMONG = """
SELECT p.uuid FROM profiles_profile p {joins}
WHERE p.id = ANY({ids}::bigint[]) AND NOT p.is_restricted AND {condition}
"""

# Returns, for one profile, whether it matches, the truth of every node, the aggregate of every
# event leaf, and the traits.
EVALUATE_NODES = """
SELECT NOT p.is_restricted AND {root},
    ARRAY[{conditions}]::boolean[], ARRAY[{quantities}]::text[], p.traits::text
FROM profiles_profile p {joins} WHERE p.id = {id}::bigint
"""

# Returns whether one profile matches.
IS_MATCHING = """
SELECT NOT p.is_restricted AND {condition}
FROM profiles_profile p {joins} WHERE p.id = {id}::bigint
"""

# Returns the distinct times of a profile's events of some names, oldest first.
EVENT_TIMES = """
SELECT DISTINCT e."timestamp" FROM profiles_event e
WHERE e.profile_id = {id}::bigint AND {has_name} AND e."timestamp" >= {since}::timestamptz
ORDER BY 1
"""

# Returns the JSON documents of a profile's events of some names, as text, so that numbers keep
# all their digits.
EVENT_DOCUMENTS = """
SELECT e.properties::text, e.context::text
FROM profiles_event e WHERE e.profile_id = {id}::bigint AND {has_name}
"""

# Compiles patterns, and raises an error if one of them cannot be. Not ORM: no table is read.
COMPILE_PATTERNS = """
SELECT count(*) FROM unnest(%s::text[]) AS pattern WHERE 'a' COLLATE "C" ~ pattern
"""

# Returns texts that people have at a path of their traits, or in a list there, and how many do:
# those of `values`, and the most common ones. Not ORM: it cannot take lists apart.
SHARED_VALUES = """
SELECT item, count(*) FROM profiles_profile p
CROSS JOIN LATERAL (SELECT p.traits #> %(path)s::text[] AS value) AS found
CROSS JOIN LATERAL (
    SELECT found.value #>> '{}' AS item WHERE jsonb_typeof(found.value) = 'string'
    UNION ALL
    SELECT element #>> '{}' FROM jsonb_array_elements(
        CASE WHEN jsonb_typeof(found.value) = 'array' THEN found.value ELSE '[]' END) AS element
    WHERE jsonb_typeof(element) = 'string'
) AS texts
WHERE NOT p.is_restricted
GROUP BY item HAVING item = ANY(%(values)s) OR count(*) >= %(shared_by)s
ORDER BY item = ANY(%(values)s) DESC, count(*) DESC LIMIT %(limit)s
"""
