"""Statements that look identifiers up."""

# Returns the identifiers of thousands of (namespace, value) pairs. The ORM cannot join with values;
# they are sent as one JSON list, because the driver adapts arrays of texts element by element.
FIND_IDENTIFIERS = """
SELECT i.namespace, i.value, i.id, i.profile_id, i.is_vouched, i.since, i.component, i.last_seen_on,
       i.quarantined_at IS NOT NULL
FROM jsonb_array_elements(%s::jsonb) AS wanted (pair)
JOIN profiles_identifier i ON i.value = wanted.pair ->> 1 AND i.namespace = wanted.pair ->> 0
"""
