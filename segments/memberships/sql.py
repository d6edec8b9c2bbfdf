"""Set-based statements on memberships.

Those with `{parts}` are filled by the compiler with fragments and parameters; they contain no value of their own.
"""

# Advisory locks of this app: two-number keys in a space of their own. Slots are 0 to 63.
LOCK_SPACE = 0x7E55_5E60
SLOTS = 64
DEFINITIONS = 64

# Workers skip slots that others hold.
TRY_SLOTS = """
SELECT slot FROM unnest(%s::int[]) AS wanted (slot) WHERE pg_try_advisory_xact_lock(%s, slot)
"""

# In one order, so that two who want several cannot deadlock.
LOCK_SLOTS = """
SELECT pg_advisory_xact_lock(%s, slot) FROM (SELECT unnest(%s::int[]) AS slot ORDER BY 1) AS wanted
"""

# Where there is work: one look at the queue instead of one per slot.
CHANGED_SLOTS = """
SELECT (profile_id %% 64)::int, count(*) FROM profiles_profilechange GROUP BY 1
"""
DUE_SLOTS = """
SELECT (profile_id %% 64)::int, count(*) FROM segments_wakeup WHERE due_at <= %s GROUP BY 1
"""

# Claim and delete in one statement: a cursor over ids would lose rows that commit late.
CLAIM_CHANGED = """
DELETE FROM profiles_profilechange WHERE id IN (
    SELECT id FROM profiles_profilechange WHERE (profile_id %% 64)::int = ANY(%s) ORDER BY id LIMIT %s
) RETURNING profile_id
"""
CLAIM_DUE = """
DELETE FROM segments_wakeup WHERE id IN (
    SELECT id FROM segments_wakeup
    WHERE (profile_id %% 64)::int = ANY(%s) AND due_at <= %s ORDER BY due_at LIMIT %s
) RETURNING profile_id
"""

# The one membership difference for some profiles: evaluate, let go, take in and write down, on one snapshot.
# A profile that is gone was absorbed: erasure deletes memberships itself.
REFRESH = """
WITH wanted AS MATERIALIZED (
    SELECT p.id AS profile_id, judged.segment_id
    FROM profiles_profile p {joins}
    CROSS JOIN LATERAL (VALUES {conditions}) AS judged (segment_id, holds)
    WHERE p.id = ANY({ids}::bigint[]) AND NOT p.is_restricted AND judged.holds
), gone AS (
    DELETE FROM segments_membership m
    WHERE m.profile_id = ANY({ids}::bigint[]) AND m.segment_id = ANY({segments}::bigint[])
        AND NOT EXISTS (
            SELECT 1 FROM wanted w WHERE w.profile_id = m.profile_id AND w.segment_id = m.segment_id)
    RETURNING m.profile_id, m.segment_id
), come AS (
    INSERT INTO segments_membership (profile_id, segment_id, entered_at)
    SELECT w.profile_id, w.segment_id, {now}::timestamptz FROM wanted w
    WHERE NOT EXISTS (
        SELECT 1 FROM segments_membership m
        WHERE m.profile_id = w.profile_id AND m.segment_id = w.segment_id)
    RETURNING profile_id, segment_id
), written AS (
    INSERT INTO segments_membershipchange (segment_id, profile_id, changed_at, has_entered, reason)
    SELECT gone.segment_id, gone.profile_id, {now}::timestamptz, FALSE,
        CASE WHEN EXISTS (SELECT 1 FROM profiles_profile p WHERE p.id = gone.profile_id)
            THEN {reason}::text ELSE 'merge' END
    FROM gone
    UNION ALL
    SELECT come.segment_id, come.profile_id, {now}::timestamptz, TRUE, {reason}::text FROM come
    RETURNING segment_id, has_entered
)
SELECT segment_id, count(*) FILTER (WHERE has_entered) - count(*) FILTER (WHERE NOT has_entered)
FROM written GROUP BY segment_id
"""

# For rebuilds that are computing: these profiles are newer than what they see.
NOTE_EVALUATED = """
INSERT INTO segments_notedprofile (rebuild_id, profile_id)
SELECT r.token, profile_id FROM segments_rebuild r CROSS JOIN unnest(%s::bigint[]) AS evaluated (profile_id)
"""

# Whose events are dated after the clock is woken when the clock gets there.
WAKE_FOR_EVENTS = """
INSERT INTO segments_wakeup (profile_id, due_at)
SELECT later.profile_id, later.due_at FROM (
    SELECT e.profile_id, min(e."timestamp") AS due_at FROM profiles_event e
    WHERE e.profile_id = ANY(%(ids)s) AND e."timestamp" > %(now)s GROUP BY e.profile_id
) AS later
WHERE NOT EXISTS (
    SELECT 1 FROM segments_wakeup w WHERE w.profile_id = later.profile_id AND w.due_at = later.due_at)
"""
WAKE_ALL_FOR_EVENTS = """
INSERT INTO segments_wakeup (profile_id, due_at)
SELECT s.profile_id, min((
    SELECT min(e."timestamp") FROM profiles_event e
    WHERE e.profile_id = s.profile_id AND e.name_id = s.name_id AND e."timestamp" > %(now)s))
FROM profiles_eventstat s WHERE s.last_at > %(now)s GROUP BY s.profile_id
"""

# Rows in order of their key before they are updated: two refreshers of different slots meet here.
LOCK_SEGMENTS = """
SELECT id FROM segments_segment WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE
"""
ADD_TO_SIZES = """
UPDATE segments_segment s SET size = s.size + changed.difference, refreshed_at = greatest(s.refreshed_at, %s)
FROM unnest(%s::bigint[], %s::bigint[]) AS changed (id, difference) WHERE s.id = changed.id
"""

# Queue whoever may flip because time passed.
WAKE_DUE = """
INSERT INTO segments_wakeup (profile_id, due_at)
SELECT DISTINCT crossing.id, {now}::timestamptz FROM ({selects}) AS crossing (id)
"""

# Conditional: a rebuild that swapped in meanwhile has set a clock of its own.
ADVANCE_CLOCKS = """
UPDATE segments_segment s SET evaluated_at = %s, refreshed_at = greatest(s.refreshed_at, %s)
FROM unnest(%s::bigint[], %s::int[], %s::timestamptz[]) AS seen (id, live_version, evaluated_at)
WHERE s.id = seen.id AND s.live_version = seen.live_version AND s.evaluated_at = seen.evaluated_at
"""

# A point of the curve where the size is not that of the last point.
MEASURE_SIZES = """
INSERT INTO segments_segmentsize (segment_id, measured_at, size)
SELECT s.id, %s, s.size FROM segments_segment s
WHERE s.id = ANY(%s) AND s.size IS DISTINCT FROM (
    SELECT z.size FROM segments_segmentsize z WHERE z.segment_id = s.id ORDER BY z.measured_at DESC LIMIT 1)
ON CONFLICT DO NOTHING
"""

# Sets of ids are hashed in memory or the plan turns quadratic.
RAISE_WORK_MEM = "SET LOCAL work_mem = '256MB'"

# What was staged a moment ago has no statistics yet, and two big sets are never compared well row by row.
ANALYZE_STAGED = "ANALYZE segments_stagedmembership"
FORBID_NESTED_LOOPS = "SET LOCAL enable_nestloop = off"
STAGE = """
INSERT INTO segments_stagedmembership (rebuild_id, segment_id, profile_id) {selects}
"""
STAGE_ONE = """
SELECT {rebuild}::uuid, {segment}::bigint, p.id FROM profiles_profile p WHERE {condition}
"""

# The same difference as REFRESH, between what is staged and what is stored. Noted profiles are newer and left alone, and
# whoever went since is not let in.
APPLY = """
WITH gone AS (
    DELETE FROM segments_membership m
    WHERE m.segment_id = ANY(%(segments)s)
        AND NOT EXISTS (
            SELECT 1 FROM segments_stagedmembership t
            WHERE t.rebuild_id = %(rebuild)s AND t.segment_id = m.segment_id AND t.profile_id = m.profile_id)
        AND NOT EXISTS (
            SELECT 1 FROM segments_notedprofile n
            WHERE n.rebuild_id = %(rebuild)s AND n.profile_id = m.profile_id)
    RETURNING m.profile_id, m.segment_id
), come AS (
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
SELECT segment_id, profile_id, %(now)s, FALSE, %(reason)s FROM gone
UNION ALL
SELECT segment_id, profile_id, %(now)s, TRUE, %(reason)s FROM come
"""
REQUEUE_NOTED = """
INSERT INTO profiles_profilechange (profile_id)
SELECT DISTINCT profile_id FROM segments_notedprofile WHERE rebuild_id = %s
"""
COUNT_MEMBERS = """
UPDATE segments_segment s
SET size = (SELECT count(*) FROM segments_membership m WHERE m.segment_id = s.id)
WHERE s.id = ANY(%s)
"""
CLOSE_ALL = """
WITH gone AS (
    DELETE FROM segments_membership WHERE segment_id = %(segment)s RETURNING profile_id, segment_id
)
INSERT INTO segments_membershipchange (segment_id, profile_id, changed_at, has_entered, reason)
SELECT segment_id, profile_id, %(now)s, FALSE, 'definition' FROM gone
"""

# On one snapshot: who is stored and should not be, or the other way round, and does not wait in a queue.
DRIFT = """
WITH pending AS MATERIALIZED (
    SELECT profile_id FROM profiles_profilechange
    UNION SELECT profile_id FROM segments_wakeup WHERE due_at <= {now}::timestamptz
    {selects}
), truth AS MATERIALIZED (
    SELECT p.id FROM profiles_profile p WHERE {condition}
), stored AS MATERIALIZED (
    SELECT m.profile_id AS id FROM segments_membership m WHERE m.segment_id = {segment}::bigint
)
SELECT count(*) FROM (
    SELECT coalesce(truth.id, stored.id) AS id FROM truth FULL JOIN stored ON stored.id = truth.id
    WHERE truth.id IS NULL OR stored.id IS NULL
) AS drifted
WHERE NOT EXISTS (SELECT 1 FROM pending WHERE pending.profile_id = drifted.id)
"""
ERASE_MEMBERSHIPS = """
WITH gone AS (DELETE FROM segments_membership WHERE profile_id = ANY(%s) RETURNING segment_id),
lost AS (SELECT segment_id, count(*) AS members FROM gone GROUP BY segment_id)
UPDATE segments_segment s SET size = s.size - lost.members FROM lost WHERE s.id = lost.segment_id
"""
ERASE_CHANGES = "DELETE FROM segments_membershipchange WHERE profile_id = ANY(%s)"
ERASE_STAGED = "DELETE FROM segments_stagedmembership WHERE profile_id = ANY(%s)"
ERASE_NOTED = "DELETE FROM segments_notedprofile WHERE profile_id = ANY(%s)"
ERASE_WAKEUPS = "DELETE FROM segments_wakeup WHERE profile_id = ANY(%s)"
