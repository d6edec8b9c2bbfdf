"""Statements that look identifiers up."""

# A pair of columns against thousands of pairs, in one statement. Sent as one JSON list of pairs: the driver writes arrays
# of texts element by element.
FIND_IDENTIFIERS = """
SELECT i.namespace, i.value, i.id, i.profile_id, i.is_vouched, i.since, i.component, i.last_seen_on,
       i.quarantined_at IS NOT NULL
FROM jsonb_array_elements(%s::jsonb) AS wanted (pair)
JOIN profiles_identifier i ON i.value = wanted.pair ->> 1 AND i.namespace = wanted.pair ->> 0
"""
