"""Set-based statements on events, their statistics and seen messages.

Statements with %(profile)s and %(identifiers)s are run by an erasure, those with %(identifiers)s,
%(origins)s and %(targets)s by a merge or unmerge.
"""

from psycopg import sql

# Moves the events of identifiers from one profile to another. DELETE and INSERT instead of the
# ORM's UPDATE: profile_id is the key that spreads the table over a cluster.
MOVE_EVENTS = """
WITH moved AS (
    DELETE FROM profiles_event e
    USING unnest(%(identifiers)s::bigint[], %(origins)s::bigint[], %(targets)s::bigint[])
        AS move (identifier_id, origin, target)
    WHERE e.profile_id = move.origin AND e.identifier_id = move.identifier_id
    RETURNING move.target, e.*
)
INSERT INTO profiles_event (profile_id, "timestamp", id, identifier_id, source_id, name_id, value,
    properties, context, received_at, original_timestamp, sent_at, arrival)
SELECT target, "timestamp", id, identifier_id, source_id, name_id, value,
    properties, context, received_at, original_timestamp, sent_at, arrival FROM moved
"""

# Deletes the statistics of profiles, ahead of RECOMPUTE_STATS. Two statements, because the parts of
# one WITH do not see each other's changes; SQL, so that both take the same array.
DELETE_STATS = """
DELETE FROM profiles_eventstat WHERE profile_id = ANY(%s)
"""

# Rebuilds the statistics of profiles from their events. The ORM has no INSERT … SELECT.
RECOMPUTE_STATS = """
INSERT INTO profiles_eventstat (profile_id, name_id, count, sum, first_at, last_at)
SELECT profile_id, name_id, count(*), coalesce(sum(value), 0), min("timestamp"), max("timestamp")
FROM profiles_event WHERE profile_id = ANY(%s) GROUP BY profile_id, name_id
"""

# Stores events straight into their month partitions: duplicates were left out before, so nothing
# can conflict. The ORM has no COPY.
COPY_EVENTS = """
COPY profiles_event (profile_id, identifier_id, "timestamp", id, source_id, name_id, value,
    properties, context, received_at, original_timestamp, sent_at, arrival)
FROM STDIN (FORMAT BINARY)
"""
EVENT_COLUMN_TYPES = [
    "bigint",  # profile_id
    "bigint",  # identifier_id
    "timestamptz",  # timestamp
    "uuid",  # id
    "bigint",  # source_id
    "bigint",  # name_id
    "numeric",  # value
    "jsonb",  # properties
    "jsonb",  # context
    "timestamptz",  # received_at
    "timestamptz",  # original_timestamp
    "timestamptz",  # sent_at
    "bigint",  # arrival
]

# Deletes events by their primary keys, where the profile guessed before judgement was wrong. The
# ORM cannot compare three columns with thousands of triples.
TAKE_BACK_EVENTS = """
DELETE FROM profiles_event e
USING unnest(%s::bigint[], %s::timestamptz[], %s::uuid[]) AS key (profile_id, "timestamp", id)
WHERE e.profile_id = key.profile_id AND e."timestamp" = key."timestamp" AND e.id = key.id
"""

# Adds the sums of one chunk to the statistics, in order, so that upserts of two drains cannot
# deadlock. The ORM's upsert replaces values and cannot add to them.
ADD_TO_STATS = """
INSERT INTO profiles_eventstat AS stat (profile_id, name_id, count, sum, first_at, last_at)
SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[],
        %s::numeric[], %s::timestamptz[], %s::timestamptz[])
    AS added (profile_id, name_id, count, sum, first_at, last_at)
ORDER BY profile_id, name_id
ON CONFLICT (profile_id, name_id) DO UPDATE SET
    count = stat.count + excluded.count, sum = stat.sum + excluded.sum,
    first_at = least(stat.first_at, excluded.first_at),
    last_at = greatest(stat.last_at, excluded.last_at)
"""

# Extends the time in which each profile was seen, and changes no indexed column. A profile that was
# made in this transaction has the time of receipt, which its messages replace. The ORM cannot set
# values of their own in many rows, by a condition on both.
WIDEN_SEEN_SPANS = """
UPDATE profiles_profile p
SET first_seen_at = CASE WHEN p.last_seen_at = %(made_at)s THEN seen.first_at
        ELSE least(p.first_seen_at, seen.first_at) END,
    last_seen_at = CASE WHEN p.last_seen_at = %(made_at)s THEN seen.last_at
        ELSE greatest(p.last_seen_at, seen.last_at) END
FROM unnest(%(ids)s::bigint[], %(firsts)s::timestamptz[], %(lasts)s::timestamptz[])
    AS seen (id, first_at, last_at)
WHERE p.id = seen.id AND (p.first_seen_at > seen.first_at OR p.last_seen_at < seen.last_at
    OR p.last_seen_at = %(made_at)s)
"""

# Marks messages as seen and returns the digests that are new or that the same request took before.
# In order, so that two drains cannot deadlock. The ORM has no ON CONFLICT … WHERE … RETURNING.
TAKE_MESSAGES = """
INSERT INTO profiles_seenmessage AS seen (digest, day, taken_by)
SELECT digest, %s, taken_by
FROM unnest(%s::uuid[], %s::bigint[]) AS arrived (digest, taken_by) ORDER BY digest
ON CONFLICT (digest) DO UPDATE SET day = seen.day WHERE seen.taken_by = excluded.taken_by
RETURNING replace(digest::text, '-', '')
"""

# Deletes the events of one erased person. SQL, because the registry's `eraser` takes a statement
# with these two parameters.
DELETE_EVENTS = """
DELETE FROM profiles_event
WHERE profile_id = %(profile)s AND identifier_id = ANY(%(identifiers)s)
"""

# Returns the profiles whose statistics differ from their events, either way. The ORM cannot take
# the difference of two aggregates.
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

# Returns the profiles with events whose identifier belongs to another profile or to none, in one
# pass over both tables. The ORM cannot take the difference of two tables in a subquery.
MISATTRIBUTED_EVENTS = """
SELECT DISTINCT profile_id FROM (
    SELECT profile_id, identifier_id FROM profiles_event
    EXCEPT
    SELECT profile_id, id FROM profiles_identifier
) AS astray
"""

# Returns the ids of profiles that have statistics but no longer exist. SQL, because `find_drift`
# runs all its statements with one function.
ORPHANED_STATS = """
SELECT DISTINCT s.profile_id FROM profiles_eventstat s
WHERE NOT EXISTS (SELECT 1 FROM profiles_profile p WHERE p.id = s.profile_id)
"""

# Returns the events of one person for a legal hold, by their names. Not ORM: the rows are copied as
# JSON in one statement, with every digit of their numbers.
HELD_EVENTS = """
SELECT n.name, (to_jsonb(e) || jsonb_build_object('name', n.name, 'kind', n.kind,
    'source', s.key))::text
FROM profiles_event e
JOIN profiles_eventname n ON n.id = e.name_id
JOIN profiles_source s ON s.id = e.source_id
WHERE e.profile_id = %(profile)s AND e.identifier_id = ANY(%(identifiers)s)
"""

# Returns by profile how many events of a name have outlived their time. Months are added on the
# calendar of UTC, as `consent.lib.durations.add_duration` does. Not ORM: it cannot compare a row
# with each of several durations.
COUNT_EXPIRED_EVENTS = """
SELECT e.profile_id, count(*) FROM profiles_event e
WHERE e.profile_id = ANY(%(profiles)s::bigint[]) AND e.name_id = %(name)s
    AND e."timestamp" <= %(latest)s
    AND NOT EXISTS (
        SELECT 1 FROM unnest(%(periods)s::interval[], %(graces)s::interval[])
            AS keeping (period, grace)
        WHERE least(e."timestamp" AT TIME ZONE 'UTC' + keeping.period,
            e."timestamp" AT TIME ZONE 'UTC' + keeping.grace) > %(now)s AT TIME ZONE 'UTC')
GROUP BY e.profile_id
"""

# Deletes these events and returns their number by profile. Not ORM, for the same reason.
DELETE_EXPIRED_EVENTS = """
WITH gone AS (
    DELETE FROM profiles_event e
    WHERE e.profile_id = ANY(%(profiles)s::bigint[]) AND e.name_id = %(name)s
        AND e."timestamp" <= %(latest)s
        AND NOT EXISTS (
            SELECT 1 FROM unnest(%(periods)s::interval[], %(graces)s::interval[])
                AS keeping (period, grace)
            WHERE least(e."timestamp" AT TIME ZONE 'UTC' + keeping.period,
                e."timestamp" AT TIME ZONE 'UTC' + keeping.grace) > %(now)s AT TIME ZONE 'UTC')
    RETURNING e.profile_id
)
SELECT profile_id, count(*) FROM gone GROUP BY profile_id
"""

# Returns the currencies of the latest of some events with how many have each, the most frequent
# first. Not ORM: a limited subquery below an aggregate, over the text of a property.
CURRENCIES_OF_EVENTS = """
SELECT currency, count(*) FROM (
    SELECT upper(e.properties ->> 'currency') AS currency FROM profiles_event e
    WHERE e.name_id = ANY(%s) ORDER BY e."timestamp" DESC LIMIT 1000
) AS latest WHERE currency ~ '^[A-Z]{3}$' GROUP BY currency ORDER BY count(*) DESC, currency
"""

# Returns whether a partition takes space on disk. The ORM knows no sizes.
HAS_PAGES = """
SELECT pg_relation_size(%s::regclass) > 0
"""
# Says how long the next lock is waited for. The ORM has no settings of a transaction.
LIMIT_WAITING = "SET LOCAL lock_timeout = '1s'"
# These three lock a partition, tell whether it has a row, and give its space back. The ORM has
# neither locks of tables nor TRUNCATE.
LOCK_MONTH = sql.SQL("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
HAS_EVENTS = sql.SQL("SELECT EXISTS (SELECT FROM {table})")
TRUNCATE_MONTH = sql.SQL("TRUNCATE TABLE {table}")
