"""The statements of legal holds."""

from psycopg import sql

# Copies what a declaration returns of a person into the rows of a hold: those of the kinds that it
# names, all where it names none. Not ORM: it copies from any table, in one statement and exactly.
SET_ASIDE = sql.SQL("""
INSERT INTO consent_heldrow (hold_id, store, kind, content, request_id)
SELECT %(hold)s, %(store)s, held.kind, held.content, %(request)s
FROM ({rows}) AS held (kind, content)
WHERE cardinality(%(kinds)s::text[]) = 0 OR held.kind = ANY(%(kinds)s::text[])
""")

# Returns the privacy requests of one person that still have words, by their kinds. Not ORM: the
# rows are copied as JSON in one statement.
HELD_REQUESTS = """
SELECT r.kind, jsonb_build_object('id', r.id, 'kind', r.kind, 'status', r.status,
    'received_at', r.received_at, 'body', r.body, 'reason', r.reason)::text
FROM consent_privacyrequest r
WHERE r.kind <> 'erasure' AND r.identifier_ids && %(identifiers)s::bigint[]
    AND (r.body <> '{}'::jsonb OR r.reason <> '')
"""
