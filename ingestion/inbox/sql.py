"""Set-based statements on the inbox."""

# Stores one accepted request, which is all that a 200 promises. SQL, because %b sends the body in
# binary and the database's own clock gives the time of receipt.
ACCEPT = """
INSERT INTO ingestion_inboxrow
    (source_id, trust, body, message_count, is_opted_out, received_at, attempts)
VALUES (%s, %s, %b, %s, %s, clock_timestamp(), 0)
"""

# Leases the oldest rows that nobody tried and whose messages fill a chunk, and returns them. Rows
# that other workers are leasing are skipped. The ORM has neither window functions in UPDATE nor
# RETURNING.
LEASE = """
WITH free AS (
    SELECT id, message_count FROM ingestion_inboxrow WHERE attempts = 0
    ORDER BY id
    -- About as many rows as fill a chunk if all are like the first: other workers cannot have a row
    -- that is locked here, and those that are locked and not leased would be locked for nothing.
    LIMIT (
        SELECT least(%(rows)s, 2 + %(messages)s / greatest(message_count, 1))
        FROM ingestion_inboxrow WHERE attempts = 0 ORDER BY id LIMIT 1
    )
    FOR UPDATE SKIP LOCKED
), counted AS (
    SELECT id, row_number() OVER (ORDER BY id) AS place,
           sum(message_count) OVER (ORDER BY id) AS messages
    FROM free
)
UPDATE ingestion_inboxrow SET lease = %(lease)s, attempts = attempts + 1,
    leased_until = clock_timestamp() + make_interval(secs => %(seconds)s)
-- An array and not a join: the planner's statistics lag behind a queue, and with a join it would
-- compute `counted` anew for each row.
WHERE id = ANY (ARRAY(
    SELECT id FROM counted WHERE place = 1 OR messages <= %(messages)s
))
RETURNING id, source_id, trust, body, received_at, attempts, is_opted_out, first_arrival,
    file_import_id
"""

# Leases the row that has waited longest of those tried before and due again, alone, so that a
# message that breaks the worker takes no others with it. Only the oldest rows are looked at, or
# each look would read a whole backlog. SQL beside the other statements on leases.
LEASE_LATE = """
WITH oldest AS (
    SELECT id, attempts, leased_until FROM ingestion_inboxrow ORDER BY id LIMIT 5000
), due AS (
    SELECT row.id FROM ingestion_inboxrow row JOIN oldest ON oldest.id = row.id
    WHERE row.attempts > 0 AND (row.leased_until IS NULL OR row.leased_until < clock_timestamp())
    ORDER BY row.leased_until NULLS FIRST, row.id LIMIT 1
    FOR UPDATE OF row SKIP LOCKED
)
UPDATE ingestion_inboxrow SET lease = %(lease)s, attempts = attempts + 1,
    leased_until = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE id = ANY (ARRAY(SELECT id FROM due))
RETURNING id, source_id, trust, body, received_at, attempts, is_opted_out, first_arrival,
    file_import_id
"""

# Leases any one row while the drain is paused: the oldest may be the one that cannot be drained.
# SQL beside the other statements on leases.
LEASE_ANY = """
WITH oldest AS (
    SELECT id FROM ingestion_inboxrow
    WHERE leased_until IS NULL OR leased_until < clock_timestamp() ORDER BY id LIMIT 5000
), drawn AS (
    SELECT row.id FROM ingestion_inboxrow row
    WHERE row.id = (SELECT id FROM oldest ORDER BY random() LIMIT 1) FOR UPDATE SKIP LOCKED
)
UPDATE ingestion_inboxrow SET lease = %(lease)s, attempts = attempts + 1,
    leased_until = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE id = ANY (ARRAY(SELECT id FROM drawn))
RETURNING id, source_id, trust, body, received_at, attempts, is_opted_out, first_arrival,
    file_import_id
"""

# Gives a row back that is to be tried again later, the later the more often it was tried. SQL
# beside the other statements on leases.
POSTPONE = """
UPDATE ingestion_inboxrow SET lease = NULL,
    leased_until = clock_timestamp() + make_interval(secs => least(power(2, attempts), 600))
WHERE lease = %s AND id = ANY(%s)
"""

# Takes the turn of looking whether a paused drain can go on; the next turn is later each time.
# SQL, because the database's clock decides who has the turn.
TAKE_PROBE = """
UPDATE ingestion_drainpause SET probes = probes + 1,
    probe_at = clock_timestamp() + make_interval(secs => least(5 * power(2, probes), 300))
WHERE probe_at <= clock_timestamp()
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

# Gives rows back as they were, after a failure for which no message is to blame; those that were
# postponed by this very chunk too.
# SQL beside the other statements on leases.
RELEASE = """
UPDATE ingestion_inboxrow
SET lease = NULL, leased_until = NULL, attempts = greatest(attempts - 1, 0)
WHERE lease = %s OR (lease IS NULL AND leased_until IS NOT NULL AND id = ANY(%s))
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

# Adds to the counters of sources, hours and ends. SQL for the same reason, and one statement for
# all counters of a chunk.
COUNT_MESSAGES = """
INSERT INTO ingestion_messagecount AS counter (source_id, hour, outcome, count)
SELECT * FROM unnest(%s::bigint[], %s::timestamptz[], %s::text[], %s::bigint[])
ON CONFLICT (source_id, hour, outcome) DO UPDATE SET count = counter.count + excluded.count
"""

# Deletes all but the last messages of sources. SQL, because the ORM has no offset in DELETE.
FORGET_RECENT = """
DELETE FROM ingestion_recentmessage message USING unnest(%(sources)s::bigint[]) AS source (id)
WHERE message.source_id = source.id AND message.id <= (
    SELECT id FROM ingestion_recentmessage WHERE source_id = source.id
    ORDER BY id DESC OFFSET %(kept)s LIMIT 1
)
"""

# Ends an import that was read to the end and all of whose rows ended. SQL, because the database's
# clock says when, and the sum of columns decides.
FINISH_IMPORT = """
UPDATE ingestion_fileimport SET status = 'done', finished_at = clock_timestamp()
WHERE id = %s AND status = 'applying' AND stored + unchanged + refused + dropped = rows
"""
