"""Set-based statements on the inbox."""

# Stores one accepted request, which is all that a 200 promises. SQL, because %b sends the body in
# binary and the database's own clock gives the time of receipt.
ACCEPT = """
INSERT INTO ingestion_inboxrow
    (source_id, trust, body, message_count, is_opted_out, received_at, attempts)
VALUES (%s, %s, %b, %s, %s, clock_timestamp(), 0)
"""

# Leases the oldest free rows whose messages fill a chunk, and returns them. Rows that other workers
# are leasing are skipped. A row that was tried before is leased alone, so that a message that
# breaks the worker takes no others with it. The ORM has neither window functions in UPDATE nor
# RETURNING.
LEASE = """
WITH free AS (
    SELECT id, message_count, attempts FROM ingestion_inboxrow
    WHERE leased_until IS NULL OR leased_until < clock_timestamp()
    ORDER BY id
    -- About as many rows as fill a chunk if all are like the first: other workers cannot have a row
    -- that is locked here, and those that are locked and not leased would be locked for nothing.
    LIMIT (
        SELECT least(%(rows)s, 2 + %(messages)s / greatest(message_count, 1))
        FROM ingestion_inboxrow
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
-- An array and not a join: the planner's statistics lag behind a queue, and with a join it would
-- compute `counted` anew for each row.
WHERE id = ANY (ARRAY(
    SELECT id FROM counted WHERE place = 1 OR messages <= %(messages)s AND worst = 0
))
RETURNING id, source_id, trust, body, received_at, attempts, is_opted_out, first_arrival
"""

# Extends a lease by the database's clock, which all workers share. The ORM has no make_interval.
EXTEND_LEASE = """
UPDATE ingestion_inboxrow SET leased_until = clock_timestamp() + make_interval(secs => %s)
WHERE lease = %s
"""

# Locks the rows that FINISH will delete. A worker that lost the lease meanwhile waits here, and
# then finds them gone. SQL beside FINISH, with the same condition.
HOLD = """
SELECT FROM ingestion_inboxrow WHERE lease = %s AND id = ANY(%s) ORDER BY id FOR UPDATE
"""

# Gives rows back as they were, after a failure of the database for which no message is to blame.
# SQL beside the other statements on leases.
RELEASE = """
UPDATE ingestion_inboxrow
SET lease = NULL, leased_until = NULL, attempts = greatest(attempts - 1, 0) WHERE lease = %s
"""

# Deletes finished rows, if their lease is still this worker's. SQL beside the other statements on
# leases.
FINISH = """
DELETE FROM ingestion_inboxrow WHERE lease = %s AND id = ANY(%s)
"""

# Adds to the counter of a source, day and reason. The ORM's upsert replaces values and cannot add.
COUNT_DROPPED = """
INSERT INTO ingestion_droppedcount AS dropped (source_id, day, reason, count)
VALUES (%s, %s, %s, %s)
ON CONFLICT (source_id, day, reason) DO UPDATE SET count = dropped.count + excluded.count
"""
