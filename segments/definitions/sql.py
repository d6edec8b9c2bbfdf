"""Statements that ask a definition of people: how many, who, and why.

Those with `{parts}` are filled by the compiler with fragments and parameters; they contain no value of their own.
"""

COUNT = """
SELECT count(*) FROM profiles_profile p WHERE {condition}
"""
SAMPLE = """
SELECT p.uuid FROM profiles_profile p WHERE {condition} LIMIT {limit}::int
"""

# As many profiles as an estimate needs, spread by a hash of the id that has nothing to do with anything.
RANDOM_PROFILES = """
SELECT p.id FROM profiles_profile p TABLESAMPLE BERNOULLI (%s)
"""
COUNT_PROFILES = """
SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'profiles_profile'::regclass
"""
SAMPLED = """
SELECT p.uuid FROM profiles_profile p {joins} WHERE p.id = ANY({ids}::bigint[]) AND NOT p.is_restricted AND {condition}
"""

# Every node of one definition for one profile, and the figures behind it.
WHY = """
SELECT NOT p.is_restricted AND {root}, ARRAY[{conditions}]::boolean[], ARRAY[{quantities}]::text[], p.traits::text
FROM profiles_profile p {joins} WHERE p.id = {id}::bigint
"""
HOLDS = """
SELECT NOT p.is_restricted AND {condition} FROM profiles_profile p {joins} WHERE p.id = {id}::bigint
"""
EVENT_TIMES = """
SELECT DISTINCT e."timestamp" FROM profiles_event e
WHERE e.profile_id = {id}::bigint AND {named} AND e."timestamp" >= {since}::timestamptz ORDER BY 1
"""
EVENT_DOCUMENTS = """
SELECT e.properties::text, e.context::text FROM profiles_event e WHERE e.profile_id = {id}::bigint AND {named}
"""
