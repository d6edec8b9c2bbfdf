"""Set-based statements on events, their statistics and seen messages."""

# Moved by DELETE and INSERT: profile_id is the key that spreads the table over a cluster.
MOVE_EVENTS = """
WITH moved AS (
    DELETE FROM profiles_event e
    USING unnest(%(identifiers)s::bigint[], %(origins)s::bigint[], %(targets)s::bigint[])
        AS move (identifier_id, origin, target)
    WHERE e.profile_id = move.origin AND e.identifier_id = move.identifier_id
    RETURNING move.target, e.*
)
INSERT INTO profiles_event (profile_id, "timestamp", id, identifier_id, source_id, name_id, value,
    properties, context, received_at, original_timestamp, sent_at)
SELECT target, "timestamp", id, identifier_id, source_id, name_id, value,
    properties, context, received_at, original_timestamp, sent_at FROM moved
"""

# Recomputed from the events, never added up. A statement of its own: siblings of one WITH would race.
DELETE_STATS = """
DELETE FROM profiles_eventstat WHERE profile_id = ANY(%s)
"""
RECOMPUTE_STATS = """
INSERT INTO profiles_eventstat (profile_id, name_id, count, sum, first_at, last_at)
SELECT profile_id, name_id, count(*), coalesce(sum(value), 0), min("timestamp"), max("timestamp")
FROM profiles_event WHERE profile_id = ANY(%s) GROUP BY profile_id, name_id
"""

# Straight into the months: what was seen before is left out already, so that nothing can conflict.
COPY_EVENTS = """
COPY profiles_event (profile_id, identifier_id, "timestamp", id, source_id, name_id, value, properties, context,
    received_at, original_timestamp, sent_at) FROM STDIN (FORMAT BINARY)
"""

# Those that were stored on a guess which the judgement did not bear out.
TAKE_BACK_EVENTS = """
DELETE FROM profiles_event e
USING unnest(%s::bigint[], %s::timestamptz[], %s::uuid[]) AS place (profile_id, "timestamp", id)
WHERE e.profile_id = place.profile_id AND e."timestamp" = place."timestamp" AND e.id = place.id
"""

# What a chunk adds, summed up before it is sent. Sorted, so that upserts of two drains cannot deadlock.
ADD_TO_STATS = """
INSERT INTO profiles_eventstat AS stat (profile_id, name_id, count, sum, first_at, last_at)
SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[],
        %s::numeric[], %s::timestamptz[], %s::timestamptz[])
    AS added (profile_id, name_id, count, sum, first_at, last_at)
ORDER BY profile_id, name_id
ON CONFLICT (profile_id, name_id) DO UPDATE SET
    count = stat.count + excluded.count, sum = stat.sum + excluded.sum,
    first_at = least(stat.first_at, excluded.first_at), last_at = greatest(stat.last_at, excluded.last_at)
"""

# Touches no index. Sorted like the statistics.
WIDEN_SEEN_SPANS = """
UPDATE profiles_profile p
SET first_seen_at = least(p.first_seen_at, seen.first_at), last_seen_at = greatest(p.last_seen_at, seen.last_at)
FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[]) AS seen (id, first_at, last_at)
WHERE p.id = seen.id AND (p.first_seen_at > seen.first_at OR p.last_seen_at < seen.last_at)
"""

# Returns what was not seen before, and what the same request took before; in order, so that two drains cannot deadlock.
TAKE_MESSAGES = """
INSERT INTO profiles_seenmessage AS seen (digest, day, taken_by)
SELECT digest, %s, taken_by FROM unnest(%s::uuid[], %s::bigint[]) AS arrived (digest, taken_by) ORDER BY digest
ON CONFLICT (digest) DO UPDATE SET day = seen.day WHERE seen.taken_by = excluded.taken_by
RETURNING replace(digest::text, '-', '')
"""
DELETE_EVENTS = """
DELETE FROM profiles_event WHERE profile_id = %(profile)s AND identifier_id = ANY(%(identifiers)s)
"""

# Set difference both ways; the ORM has no EXCEPT of aggregates.
DRIFTED_STATS = """
WITH counted AS (
    SELECT profile_id, name_id, count(*) AS count, coalesce(sum(value), 0) AS sum,
        min("timestamp") AS first_at, max("timestamp") AS last_at
    FROM profiles_event WHERE profile_id = ANY(%(profiles)s) GROUP BY profile_id, name_id
), stored AS (
    SELECT profile_id, name_id, count, sum, first_at, last_at
    FROM profiles_eventstat WHERE profile_id = ANY(%(profiles)s)
)
SELECT DISTINCT profile_id FROM (
    (TABLE counted EXCEPT TABLE stored) UNION ALL (TABLE stored EXCEPT TABLE counted)
) AS differing
"""

# One pass over each big table: rows that are not with the profile that holds their identifier.
MISATTRIBUTED_EVENTS = """
SELECT DISTINCT e.profile_id FROM profiles_event e
LEFT JOIN profiles_identifier i ON i.id = e.identifier_id WHERE i.profile_id IS DISTINCT FROM e.profile_id
"""
ORPHANED_STATS = """
SELECT DISTINCT s.profile_id FROM profiles_eventstat s
WHERE NOT EXISTS (SELECT 1 FROM profiles_profile p WHERE p.id = s.profile_id)
"""
