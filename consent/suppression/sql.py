"""The queries of the suppression list."""

# Returns the id and the time of the newest row, NULL where there is none, and the ids of all chains
# of keys with rows. Not ORM: it runs for every chunk of messages, so both are one query.
NEWEST = """
SELECT newest.id, newest.created_at,
    ARRAY(SELECT key_id::text FROM consent_suppressionkeycheck ORDER BY key_id)
FROM (SELECT) AS always LEFT JOIN LATERAL (
    SELECT id, created_at FROM consent_suppression ORDER BY id DESC LIMIT 1
) AS newest ON true
"""

# Returns whether the row is there that was once the newest. Not ORM, to be one cursor with the
# above.
IS_ROW = """
SELECT EXISTS (SELECT FROM consent_suppression WHERE id = %s AND created_at = %s)
"""

# Returns the first 8 bytes of the digests after an id, as numbers, with the normaliser's version.
# Not ORM: it has no cast of bytes to a number, and whole digests would take four times the memory.
BEGINNINGS = """
SELECT ('x' || encode(substring(digest FROM 1 FOR 8), 'hex'))::bit(64)::bigint, normaliser_version
FROM consent_suppression WHERE id > %s
"""

# Replaces digests and the chain that they were made with. Not ORM: all rows in one statement.
WRAP = """
UPDATE consent_suppression AS s SET digest = wrapped.digest, key_id = %s
FROM unnest(%s::bigint[], %s::bytea[]) AS wrapped (id, digest) WHERE s.id = wrapped.id
"""
