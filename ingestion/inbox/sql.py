"""Set-based statements on the inbox."""

# One round trip per request; the whole of what a 200 promises.
ACCEPT = """
INSERT INTO ingestion_inboxrow (source_id, trust, body, message_count, is_opted_out, received_at, attempts)
VALUES (%s, %s, %b, %s, %s, clock_timestamp(), 0)
"""

# The oldest free rows whose messages fill a chunk; whoever else leases meanwhile skips them. A row that was tried
# before comes alone, so that a poison takes no neighbours with it.
LEASE = """
WITH free AS (
    SELECT id, message_count, attempts FROM ingestion_inboxrow
    WHERE leased_until IS NULL OR leased_until < clock_timestamp()
    ORDER BY id
    -- About a chunk of rows, if the others are like the first: those that are locked and not taken are wasted.
    LIMIT (
        SELECT least(%(rows)s, 2 + %(messages)s / message_count) FROM ingestion_inboxrow
        WHERE leased_until IS NULL OR leased_until < clock_timestamp() ORDER BY id LIMIT 1
    )
    FOR UPDATE SKIP LOCKED
), counted AS (
    SELECT id, attempts, row_number() OVER (ORDER BY id) AS place,
           sum(message_count) OVER (ORDER BY id) AS messages,
           max(attempts) OVER (ORDER BY id) AS worst
    FROM free
)
UPDATE ingestion_inboxrow SET lease = %(lease)s, attempts = attempts + 1,
    leased_until = clock_timestamp() + make_interval(secs => %(seconds)s)
-- An array and not a join: a queue grows and shrinks faster than the planner learns, and a join would count anew for each row.
WHERE id = ANY (ARRAY(
    SELECT id FROM counted WHERE place = 1 OR messages <= %(messages)s AND worst = 0
))
RETURNING id, source_id, trust, body, received_at, attempts, is_opted_out
"""
EXTEND_LEASE = """
UPDATE ingestion_inboxrow SET leased_until = clock_timestamp() + make_interval(secs => %s) WHERE lease = %s
"""

# The same rows that finishing them deletes: whoever lost the lease meanwhile waits, and then finds them gone.
HOLD = """
SELECT FROM ingestion_inboxrow WHERE lease = %s AND id = ANY(%s) ORDER BY id FOR UPDATE
"""

# Given back as they were: where the database itself failed, no message is to blame for the attempt.
RELEASE = """
UPDATE ingestion_inboxrow SET lease = NULL, leased_until = NULL, attempts = greatest(attempts - 1, 0) WHERE lease = %s
"""

# Only rows whose lease is still this worker's.
FINISH = """
DELETE FROM ingestion_inboxrow WHERE lease = %s AND id = ANY(%s)
"""
