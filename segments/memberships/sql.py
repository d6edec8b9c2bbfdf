"""Set-based statements on memberships.

Invariant: no statement has values in its text. Those with `{parts}` are filled by the compiler with
fragments and parameters.
"""

# Returns how many changes wait in each slot, in one query instead of one for each slot. Not ORM, so
# that the slot is computed as in the claims below.
CHANGED_SLOTS = """
SELECT (profile_id %% 64)::int, count(*) FROM profiles_profilechange
WHERE NOT awaits_traits GROUP BY 1
"""

# Returns how many wake-ups are due in each slot.
DUE_SLOTS = """
SELECT (profile_id %% 64)::int, count(*) FROM segments_wakeup WHERE due_at <= %s GROUP BY 1
"""

# Deletes the oldest changes of some slots and returns what they are. Claim and deletion are one
# statement: a cursor over ids would lose rows that commit late. The ORM's delete returns no rows.
CLAIM_CHANGED = """
DELETE FROM profiles_profilechange WHERE id IN (
    SELECT id FROM profiles_profilechange
    WHERE (profile_id %% 64)::int = ANY(%s) AND NOT awaits_traits ORDER BY id LIMIT %s
) RETURNING id, profile_id, kind, reference
"""

# Deletes the wake-ups of some slots that are due and returns their profiles, for the same reasons.
CLAIM_DUE = """
DELETE FROM segments_wakeup WHERE id IN (
    SELECT id FROM segments_wakeup
    WHERE (profile_id %% 64)::int = ANY(%s) AND due_at <= %s ORDER BY due_at LIMIT %s
) RETURNING profile_id
"""

# Evaluates segments for some profiles, deletes and inserts memberships, writes the history, and
# returns the change in size of each segment. Not ORM: all of it must see one snapshot.
# Of `outdated` profiles data outlived their time since they were evaluated last.
# A profile that no longer exists was absorbed, since an erasure deletes its memberships itself.
# Whoever is a member already is not inserted again, whether or not the slot's lock is held.
REFRESH = """
WITH members AS MATERIALIZED (
    SELECT p.id AS profile_id, evaluated.segment_id
    FROM profiles_profile p {joins}
    CROSS JOIN LATERAL unnest({segments}::bigint[], ARRAY[{conditions}]::boolean[])
        AS evaluated (segment_id, holds)
    WHERE p.id = ANY({ids}::bigint[]) AND NOT p.is_restricted AND evaluated.holds
), alive AS MATERIALIZED (
    SELECT p.id FROM profiles_profile p WHERE p.id = ANY({ids}::bigint[])
), exits AS (
    DELETE FROM segments_membership m
    WHERE m.profile_id = ANY({ids}::bigint[]) AND m.segment_id = ANY({segments}::bigint[])
        AND NOT EXISTS (
            SELECT 1 FROM members w
            WHERE w.profile_id = m.profile_id AND w.segment_id = m.segment_id)
    RETURNING m.profile_id, m.segment_id
), entries AS (
    INSERT INTO segments_membership (profile_id, segment_id, entered_at)
    SELECT w.profile_id, w.segment_id, {now}::timestamptz FROM members w
    ON CONFLICT DO NOTHING
    RETURNING profile_id, segment_id
), changes AS (
    INSERT INTO segments_membershipchange (segment_id, profile_id, changed_at, has_entered, reason)
    SELECT exits.segment_id, exits.profile_id, {now}::timestamptz, FALSE,
        CASE WHEN exits.profile_id NOT IN (SELECT id FROM alive) THEN 'merge'
            WHEN exits.profile_id = ANY({outdated}::bigint[]) THEN 'retention'
            ELSE {reason}::text END
    FROM exits
    UNION ALL
    SELECT entries.segment_id, entries.profile_id, {now}::timestamptz, TRUE,
        CASE WHEN entries.profile_id = ANY({outdated}::bigint[]) THEN 'retention'
            ELSE {reason}::text END
    FROM entries
    RETURNING segment_id, has_entered
)
SELECT segment_id, count(*) FILTER (WHERE has_entered) - count(*) FILTER (WHERE NOT has_entered)
FROM changes GROUP BY segment_id
"""

# One of the conditions of REFRESH, of a segment that is set apart: whoever is a member stays one,
# unless they are restricted or gone.
IS_MEMBER_STILL = """
EXISTS (
    SELECT 1 FROM segments_membership kept
    WHERE kept.profile_id = p.id AND kept.segment_id = {segment}::bigint)
"""

# Notes for every rebuild under way that these profiles were evaluated after its snapshot. Not ORM:
# one statement for all rebuilds, which may change meanwhile.
NOTE_EVALUATED = """
INSERT INTO segments_notedprofile (rebuild_id, profile_id)
SELECT r.token, profile_id
FROM segments_rebuild r CROSS JOIN unnest(%s::bigint[]) AS evaluated (profile_id)
"""

# Inserts a wake-up for the next event after now of each of these profiles, unless there is one.
# Not ORM: INSERT … SELECT, so that no event is read into Python.
WAKE_FOR_EVENTS = """
INSERT INTO segments_wakeup (profile_id, due_at)
SELECT e.profile_id, min(e."timestamp") FROM profiles_event e
WHERE e.profile_id = ANY(%(ids)s) AND e."timestamp" > %(now)s GROUP BY e.profile_id
EXCEPT
SELECT w.profile_id, w.due_at FROM segments_wakeup w WHERE w.profile_id = ANY(%(ids)s)
"""

# The same for all profiles, which the statistics of events find without scanning the events.
WAKE_ALL_FOR_EVENTS = """
INSERT INTO segments_wakeup (profile_id, due_at)
SELECT s.profile_id, min((
    SELECT min(e."timestamp") FROM profiles_event e
    WHERE e.profile_id = s.profile_id AND e.name_id = s.name_id AND e."timestamp" > %(now)s))
FROM profiles_eventstat s WHERE s.last_at > %(now)s GROUP BY s.profile_id
"""

# Locks segments in the order of their ids before they are updated: refreshes of different slots
# update the same segments and would deadlock. Not ORM: it stands between statements that are not.
LOCK_SEGMENTS = """
SELECT id FROM segments_segment WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE
"""

# Adds the changes in size to some segments. Not ORM: each segment has another number to add.
ADD_TO_SIZES = """
UPDATE segments_segment s
SET size = s.size + changed.difference, refreshed_at = greatest(s.refreshed_at, %s)
FROM unnest(%s::bigint[], %s::bigint[]) AS changed (id, difference) WHERE s.id = changed.id
"""

# Inserts wake-ups of profiles that may change because time passes: due now where it has, else at
# the instant. That is rounded up to half a second, so that a profile with many events is not
# evaluated for each. Instants up to `since` are left out: a profile that is evaluated must not wake
# itself at once again. Not ORM: the selects are compiled SQL.
WAKE_DUE = """
INSERT INTO segments_wakeup (profile_id, due_at)
SELECT DISTINCT crossing.id, CASE
    WHEN crossing.at <= {now}::timestamptz THEN {now}::timestamptz
    ELSE to_timestamp(ceil(extract(epoch FROM crossing.at) * 2) / 2) END
FROM ({selects}) AS crossing (id, at) WHERE crossing.at > {since}::timestamptz
"""

# Inserts a wake-up for the next of the instants that each profile has, unless it has one. Not ORM:
# the selects are compiled SQL.
WAKE_NEXT = """
INSERT INTO segments_wakeup (profile_id, due_at)
SELECT edge.id, min(edge.at) FROM ({selects}) AS edge (id, at) GROUP BY edge.id
EXCEPT
SELECT w.profile_id, w.due_at FROM segments_wakeup w WHERE {is_known}
"""

# The wake-ups that WAKE_NEXT need not write again: of the profiles of a batch, or of all.
KNOWN_OF_BATCH = "w.profile_id = ANY({ids}::bigint[])"
KNOWN_OF_ALL = "w.due_at > {since}::timestamptz"

# Returns the seconds until the next wake-up, at most 0 if one is due. Not ORM: by the database's
# clock, which all workers share.
SECONDS_TO_WAKEUP = """
SELECT extract(epoch FROM min(due_at) - clock_timestamp())::float8 FROM segments_wakeup
"""

# Sets the clocks of segments, except where a rebuild has set another one since they were read. Not
# ORM: each segment has other values to compare with.
ADVANCE_CLOCKS = """
UPDATE segments_segment s SET evaluated_at = %s, refreshed_at = greatest(s.refreshed_at, %s)
FROM unnest(%s::bigint[], %s::int[], %s::timestamptz[]) AS seen (id, live_version, evaluated_at)
WHERE s.id = seen.id AND s.live_version = seen.live_version AND s.evaluated_at = seen.evaluated_at
"""

# Inserts the size of segments into their history, where it differs from the last one there. Not
# ORM: INSERT … SELECT, so that the size is the current one.
MEASURE_SIZES = """
INSERT INTO segments_segmentsize (segment_id, measured_at, size)
SELECT s.id, %s, s.size FROM segments_segment s
WHERE s.id = ANY(%s) AND s.size IS DISTINCT FROM (
    SELECT z.size FROM segments_segmentsize z
    WHERE z.segment_id = s.id ORDER BY z.measured_at DESC LIMIT 1)
ON CONFLICT DO NOTHING
"""

# Gathers statistics on the rows staged a moment ago, which the planner knows nothing of yet.
ANALYZE_STAGED = "ANALYZE segments_stagedmembership"

# Keeps the planner from comparing two big sets row by row in this transaction.
FORBID_NESTED_LOOPS = "SET LOCAL enable_nestloop = off"

# Inserts the members of all segments of a rebuild. Not ORM: the selects are compiled SQL. One
# statement, so that all segments are computed on one snapshot.
STAGE = """
INSERT INTO segments_stagedmembership (rebuild_id, segment_id, profile_id) {selects}
"""

# Returns the members of one segment; a part of STAGE.
STAGE_ONE = """
SELECT {rebuild}::uuid, {segment}::bigint, p.id FROM profiles_profile p WHERE {condition}
"""

# Deletes and inserts memberships until the stored ones are the staged ones, and writes the history.
# Not ORM: the work must be proportional to the difference. Noted profiles were evaluated after the
# snapshot and are left alone. Profiles that are gone since then are not inserted.
APPLY = """
WITH exits AS (
    DELETE FROM segments_membership m
    WHERE m.segment_id = ANY(%(segments)s)
        AND NOT EXISTS (
            SELECT 1 FROM segments_stagedmembership t
            WHERE t.rebuild_id = %(rebuild)s
                AND t.segment_id = m.segment_id AND t.profile_id = m.profile_id)
        AND NOT EXISTS (
            SELECT 1 FROM segments_notedprofile n
            WHERE n.rebuild_id = %(rebuild)s AND n.profile_id = m.profile_id)
    RETURNING m.profile_id, m.segment_id
), entries AS (
    INSERT INTO segments_membership (profile_id, segment_id, entered_at)
    SELECT t.profile_id, t.segment_id, %(now)s FROM segments_stagedmembership t
    WHERE t.rebuild_id = %(rebuild)s
        AND NOT EXISTS (
            SELECT 1 FROM segments_membership m
            WHERE m.profile_id = t.profile_id AND m.segment_id = t.segment_id)
        AND NOT EXISTS (
            SELECT 1 FROM segments_notedprofile n
            WHERE n.rebuild_id = %(rebuild)s AND n.profile_id = t.profile_id)
        AND EXISTS (SELECT 1 FROM profiles_profile p WHERE p.id = t.profile_id)
    RETURNING profile_id, segment_id
)
INSERT INTO segments_membershipchange (segment_id, profile_id, changed_at, has_entered, reason)
SELECT segment_id, profile_id, %(now)s, FALSE, %(reason)s FROM exits
UNION ALL
SELECT segment_id, profile_id, %(now)s, TRUE, %(reason)s FROM entries
"""

# Queues the noted profiles of a rebuild again, since they were evaluated by the old definitions.
# Not ORM: INSERT … SELECT.
REQUEUE_NOTED = """
INSERT INTO profiles_profilechange (profile_id)
SELECT DISTINCT profile_id FROM segments_notedprofile WHERE rebuild_id = %s
"""

# Counts the members of segments anew. Not ORM: it stands between statements that are not.
COUNT_MEMBERS = """
WITH counted AS MATERIALIZED (
    SELECT segment_id, count(*) AS members FROM segments_membership
    WHERE segment_id = ANY(%(segments)s) GROUP BY segment_id
), sized AS (
    SELECT wanted.id, coalesce(counted.members, 0) AS size
    FROM unnest(%(segments)s::bigint[]) AS wanted (id)
    LEFT JOIN counted ON counted.segment_id = wanted.id
)
UPDATE segments_segment s SET size = sized.size FROM sized WHERE s.id = sized.id
"""

# Deletes all memberships of an archived segment and writes the history. Not ORM: the ORM's delete
# returns no rows.
CLOSE_ALL = """
WITH exits AS (
    DELETE FROM segments_membership WHERE segment_id = %(segment)s RETURNING profile_id, segment_id
)
INSERT INTO segments_membershipchange (segment_id, profile_id, changed_at, has_entered, reason)
SELECT segment_id, profile_id, %(now)s, FALSE, 'definition' FROM exits
"""

# Returns how many profiles are stored as members and should not be, or the other way round, and do
# not wait in a queue. Not ORM: the condition is compiled SQL, and all sets must be of one snapshot.
DRIFT = """
WITH pending AS MATERIALIZED (
    SELECT profile_id FROM profiles_profilechange
    UNION SELECT profile_id FROM segments_wakeup WHERE due_at <= {now}::timestamptz
    UNION SELECT profile_id FROM profiles_accountmember
        WHERE account_id IN (SELECT account_id FROM profiles_accountchange)
    {unions}
), expected AS MATERIALIZED (
    SELECT p.id FROM profiles_profile p WHERE {condition}
), stored AS MATERIALIZED (
    SELECT m.profile_id AS id FROM segments_membership m WHERE m.segment_id = {segment}::bigint
)
SELECT count(*) FROM (
    SELECT coalesce(expected.id, stored.id) AS id
    FROM expected FULL JOIN stored ON stored.id = expected.id
    WHERE expected.id IS NULL OR stored.id IS NULL
) AS drifted
WHERE NOT EXISTS (SELECT 1 FROM pending WHERE pending.profile_id = drifted.id)
"""

# Deletes the memberships of erased profiles and takes them off the sizes. Not ORM: the sizes must
# be reduced by exactly the rows that were deleted.
ERASE_MEMBERSHIPS = """
WITH exits AS (DELETE FROM segments_membership WHERE profile_id = ANY(%s) RETURNING segment_id),
lost AS (SELECT segment_id, count(*) AS members FROM exits GROUP BY segment_id)
UPDATE segments_segment s SET size = s.size - lost.members FROM lost WHERE s.id = lost.segment_id
"""

# Delete what else there is about erased profiles. Not ORM: it would send each id as a parameter,
# and must not load rows to cascade.
ERASE_CHANGES = "DELETE FROM segments_membershipchange WHERE profile_id = ANY(%s)"
ERASE_STAGED = "DELETE FROM segments_stagedmembership WHERE profile_id = ANY(%s)"
ERASE_NOTED = "DELETE FROM segments_notedprofile WHERE profile_id = ANY(%s)"
ERASE_WAKEUPS = "DELETE FROM segments_wakeup WHERE profile_id = ANY(%s)"

# Returns how many people are in which of some segments, and in no other of them, the most common
# combinations first. Not ORM: it groups by an array that it made by grouping.
OVERLAP = """
SELECT segment_ids, count(*) FROM (
    SELECT m.profile_id, array_agg(m.segment_id ORDER BY m.segment_id) AS segment_ids
    FROM segments_membership m WHERE m.segment_id = ANY(%s::bigint[]) GROUP BY m.profile_id
) AS combined
GROUP BY segment_ids ORDER BY count(*) DESC, segment_ids LIMIT %s
"""

# Return how many of a sample of the members, and of a sample of all others, there are; how many of
# them have each text or truth value of some traits, also in lists; and how many did each event. The
# samples are slices by a hash of the id, so that they are of no time and no source. Not ORM: it
# cannot take documents apart.
SAMPLED_VALUES = """
WITH people AS MATERIALIZED (
    SELECT p.id, p.traits, m.profile_id IS NOT NULL AS is_member
    FROM profiles_profile p
    LEFT JOIN segments_membership m ON m.profile_id = p.id AND m.segment_id = %(segment)s
    WHERE NOT p.is_restricted AND (hashint8(p.id) & 1023)
        < CASE WHEN m.profile_id IS NULL THEN %(other_slices)s ELSE %(member_slices)s END
)
SELECT NULL AS key, NULL AS value, count(*) FILTER (WHERE is_member),
    count(*) FILTER (WHERE NOT is_member)
FROM people
UNION ALL
SELECT * FROM (
    SELECT found.key, item #>> '{}', count(*) FILTER (WHERE is_member),
        count(*) FILTER (WHERE NOT is_member)
    FROM people CROSS JOIN LATERAL jsonb_each(people.traits) AS found (key, value)
    CROSS JOIN LATERAL jsonb_path_query(found.value, '$[*]') AS item
    WHERE found.key = ANY(%(keys)s) AND jsonb_typeof(item) IN ('string', 'boolean')
    GROUP BY 1, 2 HAVING count(*) >= %(shared_by)s ORDER BY count(*) DESC LIMIT %(most)s
) AS valued
"""
SAMPLED_EVENTS = """
SELECT s.name_id, count(*) FILTER (WHERE m.profile_id IS NOT NULL),
    count(*) FILTER (WHERE m.profile_id IS NULL)
FROM profiles_profile p
JOIN profiles_eventstat s ON s.profile_id = p.id
LEFT JOIN segments_membership m ON m.profile_id = p.id AND m.segment_id = %(segment)s
WHERE NOT p.is_restricted AND (hashint8(p.id) & 1023)
    < CASE WHEN m.profile_id IS NULL THEN %(other_slices)s ELSE %(member_slices)s END
GROUP BY s.name_id HAVING count(*) >= %(shared_by)s ORDER BY count(*) DESC LIMIT %(most)s
"""

# Returns the segments that one person entered and left for a legal hold, by the keys of the
# segments; those of absorbed profiles too. Not ORM: the rows are copied as JSON in one statement.
HELD_CHANGES = """
SELECT s.key, (to_jsonb(c) || jsonb_build_object('segment', s.key))::text
FROM segments_membershipchange c JOIN segments_segment s ON s.id = c.segment_id
WHERE c.profile_id = %(profile)s OR c.profile_id IN (
    SELECT absorbed_id FROM profiles_merge
    WHERE survivor_id = %(profile)s AND undone_at IS NULL
)
"""
