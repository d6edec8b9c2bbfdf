"""Statements on codes."""

# Waits until nobody else gives codes to a person, so that nobody gets two of a pool at once. Not
# ORM, which has no advisory locks. One lock a person, so that two pools cannot deadlock.
LOCK_PERSON = "SELECT pg_advisory_xact_lock(hashtextextended('codes of ' || %(profile)s, 0))"

# Gives the next free code of a pool to a person and returns it. Not ORM: one statement, which
# passes over the codes that others are being given, so that they need not wait for each other.
GIVE_CODE = """
UPDATE segments_code taken SET key = %(key)s, given_at = %(now)s
WHERE taken.id = (
    SELECT c.id FROM segments_code c WHERE c.pool_id = %(pool)s AND c.given_at IS NULL
    ORDER BY c.id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING taken.text
"""

# Returns the codes that live events of some people name, with their times. Not ORM: the times at
# which they arrived come with the people, pair by pair.
NAMED_CODES = """
SELECT e.properties ->> %(property)s, min(e."timestamp") FROM profiles_event e
JOIN unnest(%(ids)s::bigint[], %(received)s::timestamptz[]) AS arrived (profile_id, received_at)
    ON e.profile_id = arrived.profile_id AND e.received_at = arrived.received_at
WHERE e.name_id = %(name)s AND e.properties ? %(property)s
GROUP BY 1
"""

# Takes the person off the codes that they had; the codes stay given. Not ORM, as for all that an
# erasure changes.
FORGET_PERSON = "UPDATE segments_code SET key = NULL WHERE key = ANY(%s::uuid[])"
