"""Statements on SQL sources."""

# Claims the SQL source that is due longest and that no living worker reads. SQL, because the
# database's clock decides about leases, and rows that others are claiming are skipped.
CLAIM = """
UPDATE ingestion_sqlsource SET lease = %(lease)s,
    leased_until = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE id = (
    SELECT id FROM ingestion_sqlsource
    WHERE state = 'active' AND next_at <= clock_timestamp()
        AND (leased_until IS NULL OR leased_until < clock_timestamp())
        AND (%(id)s::bigint IS NULL OR id = %(id)s)
    ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING id
"""

# Extends a lease by the database's clock, which all workers share. The ORM has no make_interval.
EXTEND_LEASE = """
UPDATE ingestion_sqlsource SET leased_until = clock_timestamp() + make_interval(secs => %s)
WHERE id = %s AND lease = %s
"""
