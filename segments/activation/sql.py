"""Set-based statements of what is told to other systems.

Invariant: no statement has values in its text, and none joins what lies by person with what lies by
receiver.
"""

# Returns which of some people are in which of some segments since when, and their public ids. Not
# ORM: the ids are an array, which the ORM would send as thousands of parameters.
MEMBERS = """
SELECT m.profile_id, m.segment_id, m.entered_at, p.uuid
FROM segments_membership m JOIN profiles_profile p ON p.id = m.profile_id
WHERE m.profile_id = ANY(%s::bigint[]) AND m.segment_id = ANY(%s::bigint[])
    AND NOT p.is_restricted
"""

# Returns which of some people permit a purpose. Not ORM: the gate is SQL text.
PERMITTING = """
SELECT p.id FROM profiles_profile p WHERE p.id = ANY({ids}::bigint[]) AND {permitted}
"""

# Returns the profile that has a key now and is not restricted, if it permits what is asked: the
# gate, right before the first byte. Not ORM, likewise.
OPEN_GATE = """
SELECT p.id FROM profiles_profile p
WHERE p.uuid = {key}::uuid AND NOT p.is_restricted AND {conditions}
"""

# Queues people for the instant at which the next of their consents to some purposes ends, unless
# they are queued for it. Not ORM: INSERT … SELECT.
WAKE_FOR_EXPIRY = """
INSERT INTO segments_wakeup (profile_id, due_at)
SELECT s.profile_id, min(s.valid_until) FROM consent_consentstate s
WHERE s.profile_id = ANY(%(ids)s::bigint[]) AND s.purpose_id = ANY(%(purposes)s::bigint[])
    AND s.valid_until > %(now)s
GROUP BY s.profile_id
EXCEPT
SELECT w.profile_id, w.due_at FROM segments_wakeup w WHERE w.profile_id = ANY(%(ids)s::bigint[])
"""

# Inserts deliveries, whose ids are in the order of the rows.
INSERT_DELIVERIES = """
INSERT INTO segments_delivery
    (message, webhook_id, segment_id, event, key, subject_id, body, created_at,
    state, attempts, fault)
SELECT message, webhook_id, segment_id, event, key, subject_id, body, created_at, 'pending', 0, ''
FROM ROWS FROM (jsonb_to_recordset(%s::jsonb) AS (
    message uuid, webhook_id uuid, segment_id bigint, event text, key uuid, subject_id bigint,
    body jsonb, created_at timestamptz)) WITH ORDINALITY
ORDER BY ordinality
"""

# Inserts what is told of keys, or replaces all of it but the reference.
UPSERT_TOLD = """
INSERT INTO segments_told
    (webhook_id, segment_id, key, subject_id, is_in, message, told_at, digest, sealed_reference)
SELECT webhook_id, segment_id, key, subject_id, is_in, message, told_at, digest,
    decode(reference, 'hex')
FROM ROWS FROM (jsonb_to_recordset(%s::jsonb) AS (
    webhook_id uuid, segment_id bigint, key uuid, subject_id bigint, is_in boolean, message uuid,
    told_at timestamptz, digest text, reference text)) WITH ORDINALITY
ORDER BY ordinality
ON CONFLICT (webhook_id, segment_id, key) DO UPDATE SET
    subject_id = excluded.subject_id, is_in = excluded.is_in, message = excluded.message,
    told_at = excluded.told_at, digest = excluded.digest
"""

# Return the next people of whom a webhook's segment has to be compared with what was told: members,
# and whom it was told of. Two statements, since they lie on different machines. Not ORM: keyset
# reads by an index.
NEXT_MEMBERS = """
SELECT m.profile_id FROM segments_membership m
WHERE m.segment_id = %s AND m.profile_id > %s ORDER BY m.profile_id LIMIT %s
"""
NEXT_TOLD = """
SELECT DISTINCT t.subject_id FROM segments_told t
WHERE t.segment_id = %s AND t.is_in AND t.webhook_id = %s AND t.subject_id > %s
ORDER BY t.subject_id LIMIT %s
"""

# Takes the next delivery of a webhook: of each key the oldest that waits, of those the oldest that
# is due and that no worker has. Not ORM: it must be one statement, which passes over what another
# worker is about to take.
CLAIM = """
UPDATE segments_delivery taken SET lease = %(lease)s, attempts = taken.attempts + 1,
    leased_until = clock_timestamp() + %(seconds)s * interval '1 second',
    first_tried_at = coalesce(taken.first_tried_at, clock_timestamp())
WHERE taken.id = (
    SELECT d.id FROM segments_delivery d
    WHERE d.webhook_id = %(webhook)s AND d.state = 'pending' AND d.due_at <= clock_timestamp()
        AND (d.leased_until IS NULL OR d.leased_until < clock_timestamp())
        AND NOT EXISTS (
            SELECT 1 FROM segments_delivery older
            WHERE older.webhook_id = d.webhook_id AND older.key = d.key
                AND older.state = 'pending' AND older.id < d.id)
    ORDER BY d.id LIMIT 1 FOR UPDATE OF d SKIP LOCKED)
RETURNING taken.*
"""

# The same of notices that somebody was erased, which have no order.
CLAIM_NOTICE = """
UPDATE segments_erasurenotice taken SET lease = %(lease)s, attempts = taken.attempts + 1,
    leased_until = clock_timestamp() + %(seconds)s * interval '1 second'
WHERE taken.id = (
    SELECT n.id FROM segments_erasurenotice n
    WHERE n.webhook_id = %(webhook)s AND n.taken_at IS NULL AND n.due_at <= clock_timestamp()
        AND (n.leased_until IS NULL OR n.leased_until < clock_timestamp())
    ORDER BY n.id LIMIT 1 FOR UPDATE OF n SKIP LOCKED)
RETURNING taken.*
"""

# Returns the receivers that have something to send now and whether each gets one call at a time, as
# it failed lately or is a destination, without those that workers are calling as often at once as
# they may. Not ORM: by the database's clock.
WITH_WORK = """
SELECT w.id, w.failures > 0 OR w.is_destination FROM (
    SELECT r.*, EXISTS (
        SELECT 1 FROM segments_destination s WHERE s.webhook_ptr_id = r.id) AS is_destination
    FROM segments_webhook r) w
WHERE w.paused_at IS NULL AND (w.retry_at IS NULL OR w.retry_at <= clock_timestamp())
AND (
    SELECT count(*) FROM segments_delivery d
    WHERE d.webhook_id = w.id AND d.state = 'pending' AND d.leased_until > clock_timestamp()
) < CASE WHEN w.failures > 0 OR w.is_destination THEN 1 ELSE %s END
AND (
    EXISTS (
        SELECT 1 FROM segments_delivery d
        WHERE d.webhook_id = w.id AND d.state = 'pending' AND d.due_at <= clock_timestamp()
            AND (d.leased_until IS NULL OR d.leased_until < clock_timestamp()))
    OR EXISTS (
        SELECT 1 FROM segments_erasurenotice n
        WHERE n.webhook_id = w.id AND n.taken_at IS NULL AND n.due_at <= clock_timestamp()
            AND (n.leased_until IS NULL OR n.leased_until < clock_timestamp())))
ORDER BY w.id
"""

# Takes the next deliveries of one kind for a destination, as CLAIM takes one for a webhook. Not
# ORM, likewise.
CLAIM_BATCH = """
UPDATE segments_delivery taken SET lease = %(lease)s, attempts = taken.attempts + 1,
    leased_until = clock_timestamp() + %(seconds)s * interval '1 second',
    first_tried_at = coalesce(taken.first_tried_at, clock_timestamp())
WHERE taken.id IN (
    SELECT d.id FROM segments_delivery d
    WHERE d.webhook_id = %(webhook)s AND d.state = 'pending' AND d.event = %(event)s
        AND d.due_at <= clock_timestamp()
        AND (d.leased_until IS NULL OR d.leased_until < clock_timestamp())
        AND NOT EXISTS (
            SELECT 1 FROM segments_delivery older
            WHERE older.webhook_id = d.webhook_id AND older.key = d.key
                AND older.state = 'pending' AND older.id < d.id)
    ORDER BY d.id LIMIT %(most)s FOR UPDATE OF d SKIP LOCKED)
RETURNING taken.id
"""

# Takes the next turn of a destination, and returns the seconds until it comes. Not ORM: by the
# database's clock, in one statement that all workers share.
TAKE_TURN = """
UPDATE segments_destination SET next_call_at =
    greatest(next_call_at, clock_timestamp()) + %(seconds)s * interval '1 second'
WHERE webhook_ptr_id = %(pk)s
RETURNING extract(epoch FROM next_call_at - clock_timestamp()) - %(seconds)s
"""

# Returns the next people of whom a destination knows a key. Not ORM: a keyset read by an index.
NEXT_HOLDERS = """
SELECT h.subject_id FROM segments_keyholder h
WHERE h.webhook_id = %s AND h.subject_id > %s ORDER BY h.subject_id LIMIT %s
"""
