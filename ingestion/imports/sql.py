"""Statements on imports."""

# Claims the oldest import that waits to be read and that no living worker reads. SQL, because the
# database's clock decides about leases, and rows that others are claiming are skipped.
CLAIM = """
UPDATE ingestion_fileimport SET lease = %(lease)s,
    leased_until = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE id = (
    SELECT id FROM ingestion_fileimport
    WHERE status = 'reading' AND (leased_until IS NULL OR leased_until < clock_timestamp())
        AND (%(id)s::bigint IS NULL OR id = %(id)s)
    ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING id
"""

# Extends a lease by the database's clock, which all workers share. The ORM has no make_interval.
EXTEND_LEASE = """
UPDATE ingestion_fileimport SET leased_until = clock_timestamp() + make_interval(secs => %s)
WHERE id = %s AND lease = %s
"""

# Stores the messages of a part of a file as one request, for the reasons of the inbox's own
# statement, with the import that its rows belong to.
ACCEPT_ROWS = """
INSERT INTO ingestion_inboxrow
    (source_id, trust, body, message_count, is_opted_out, received_at, attempts, file_import_id)
VALUES (%s, %s, %b, %s, false, clock_timestamp(), 0, %s)
"""
