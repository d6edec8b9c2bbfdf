"""Statements that evaluate a definition which need not be saved.

Invariant: no statement has values in its text. Those with `{parts}` are filled by the compiler with
fragments and parameters.
"""

# Returns the number of profiles that match. Not ORM: the condition is compiled SQL, here and in
# the other statements with `{condition}`.
COUNT_MATCHING = """
SELECT count(*) FROM profiles_profile p WHERE {condition}
"""

# Returns, for each of some conditions, how many profiles it holds for, how many all up to it hold
# for, and how many it alone does not hold for. One pass: each condition is evaluated once.
COUNT_PARTS = """
WITH answers AS MATERIALIZED (
    SELECT ARRAY[{conditions}]::boolean[] AS holds FROM profiles_profile p
)
SELECT part.place, count(*) FILTER (WHERE a.holds[part.place]),
    count(*) FILTER (WHERE TRUE = ALL (a.holds[1:part.place])),
    count(*) FILTER (
        WHERE NOT a.holds[part.place] AND cardinality(array_positions(a.holds, FALSE)) = 1)
FROM answers a CROSS JOIN generate_series(1, {number}::int) AS part (place)
GROUP BY part.place ORDER BY part.place
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

# Returns the public ids of those of the given profiles that match.
MATCHING_AMONG = """
SELECT p.uuid FROM profiles_profile p {joins}
WHERE p.id = ANY({ids}::bigint[]) AND NOT p.is_restricted AND {condition}
"""

# Returns, for one profile, whether it matches, the truth of every node, the quantity behind every
# leaf that has one, and the traits.
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

# Returns the first of the instants that some selects have, NULL if they have none.
NEXT_EDGE = """
SELECT min(edge.at) FROM ({selects}) AS edge (id, at)
"""

# Returns the names of the time zones that the database knows. Not ORM: a view of the catalogue.
ZONE_NAMES = "SELECT name FROM pg_timezone_names"

# Returns whether the latest events of some names have lists of objects, and no object, at a key.
IS_LIST_OF_OBJECTS = """
SELECT coalesce(bool_or(value @> '[{{}}]') AND NOT bool_or(jsonb_typeof(value) = 'object'), FALSE)
FROM (
    SELECT e.properties #> {key}::text[] AS value FROM profiles_event e WHERE {has_name}
    ORDER BY e."timestamp" DESC LIMIT 1000
) AS latest
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

# Returns how many people have a quantity, the one of the last of the top percent of them, and how
# many have at least that. Not ORM: the quantities are compiled SQL, here and in those below.
MEASURE_RANK = """
WITH measured AS MATERIALIZED (
    SELECT {value}::numeric AS value FROM ({select}) AS m
    JOIN profiles_profile p ON p.id = m.profile_id
    WHERE NOT p.is_restricted AND {has_value}
), placed AS (
    SELECT value, row_number() OVER (ORDER BY value DESC) AS place, count(*) OVER () AS people
    FROM measured
), cut AS (
    SELECT max(people) AS people,
        max(value) FILTER (WHERE place = ceil(people * {top}::numeric / 100)) AS value
    FROM placed
)
SELECT coalesce(cut.people, 0), cut.value,
    (SELECT count(*) FROM measured WHERE measured.value >= cut.value)
FROM cut
"""

# Returns how many people have a quantity, and how many at least the boundary.
COUNT_ABOVE = """
SELECT count(*), count(*) FILTER (WHERE {value} >= {boundary}::numeric) FROM ({select}) AS m
JOIN profiles_profile p ON p.id = m.profile_id
WHERE NOT p.is_restricted AND {has_value}
"""

# Returns how many people have a score, and the boundaries of the scores 2 to 5 of each of the three
# quantities: the least value that so many fifths of the people are below.
MEASURE_RFM = """
WITH placed AS (
    SELECT m.last_at, m.frequency, m.monetary, count(*) OVER () AS people,
        5 * (rank() OVER (ORDER BY m.last_at) - 1) AS below_last_at,
        5 * (rank() OVER (ORDER BY m.frequency) - 1) AS below_frequency,
        5 * (rank() OVER (ORDER BY m.monetary) - 1) AS below_monetary
    FROM (
        SELECT {last_at} AS last_at, {count}::numeric AS frequency,
            coalesce({money}, 0) AS monetary
        FROM ({select}) AS m JOIN profiles_profile p ON p.id = m.profile_id
        WHERE NOT p.is_restricted AND {has_events}
    ) AS m
)
SELECT count(*),
    ARRAY[min(last_at) FILTER (WHERE below_last_at >= people),
        min(last_at) FILTER (WHERE below_last_at >= 2 * people),
        min(last_at) FILTER (WHERE below_last_at >= 3 * people),
        min(last_at) FILTER (WHERE below_last_at >= 4 * people)],
    ARRAY[min(frequency) FILTER (WHERE below_frequency >= people),
        min(frequency) FILTER (WHERE below_frequency >= 2 * people),
        min(frequency) FILTER (WHERE below_frequency >= 3 * people),
        min(frequency) FILTER (WHERE below_frequency >= 4 * people)],
    ARRAY[min(monetary) FILTER (WHERE below_monetary >= people),
        min(monetary) FILTER (WHERE below_monetary >= 2 * people),
        min(monetary) FILTER (WHERE below_monetary >= 3 * people),
        min(monetary) FILTER (WHERE below_monetary >= 4 * people)]
FROM placed
"""

# Returns the cells of RFM in which there are people, how many, and what they spent.
COUNT_CELLS = """
SELECT {cell}, count(*), sum(coalesce({money}, 0)) FROM ({select}) AS m
JOIN profiles_profile p ON p.id = m.profile_id
WHERE NOT p.is_restricted AND {has_events} GROUP BY 1
"""

# Returns when the latest events of a person were that a leaf counts, and their values. Not ORM: the
# condition is compiled SQL.
LATEST_EVENTS = """
SELECT e."timestamp", e.value FROM profiles_event e
WHERE e.profile_id = {id}::bigint AND {condition}
ORDER BY e."timestamp" DESC, e.received_at DESC LIMIT {most}
"""

# Returns the local times of instants in a zone, in their order. Not ORM: it reads no table.
LOCAL_TIMES = """
SELECT asked.at AT TIME ZONE %s FROM unnest(%s::timestamptz[]) WITH ORDINALITY AS asked (at, place)
ORDER BY asked.place
"""
