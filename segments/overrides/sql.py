"""Set-based statements on overrides."""

# Writes an override for each of some people, in place of the former one. Not ORM: bulk_create with
# update_conflicts takes no composite primary key.
SET_OVERRIDES = """
INSERT INTO segments_override
    (profile_id, segment_id, identifier_id, kind, reason, actor, starts_at, ends_at)
SELECT decided.profile_id, %(segment)s, decided.identifier_id, %(kind)s, %(reason)s, %(actor)s,
    %(starts_at)s, %(ends_at)s
FROM unnest(%(profiles)s::bigint[], %(identifiers)s::bigint[])
    AS decided (profile_id, identifier_id)
ON CONFLICT (profile_id, segment_id, identifier_id) DO UPDATE SET kind = excluded.kind,
    reason = excluded.reason, actor = excluded.actor, starts_at = excluded.starts_at,
    ends_at = excluded.ends_at
"""

# Deletes the overrides of some people and returns their profiles. The ORM's delete returns no rows.
RELEASE = """
DELETE FROM segments_override
WHERE segment_id = %(segment)s AND profile_id = ANY(%(profiles)s::bigint[]) RETURNING profile_id
"""

# Moves the overrides of identifiers to other profiles. Deleted and inserted, since the rows of a
# person lie on the machine of the person.
MOVE_OVERRIDES = """
WITH moved AS (
    DELETE FROM segments_override o
    USING unnest(%(identifiers)s::bigint[], %(origins)s::bigint[], %(targets)s::bigint[])
        AS move (identifier_id, origin, target)
    WHERE o.profile_id = move.origin AND o.identifier_id = move.identifier_id
    RETURNING move.target, o.*
)
INSERT INTO segments_override
    (profile_id, segment_id, identifier_id, kind, reason, actor, starts_at, ends_at)
SELECT target, segment_id, identifier_id, kind, reason, actor, starts_at, ends_at FROM moved
"""

# Deletes the overrides of one erased person. SQL, as for all that an erasure deletes.
ERASE_OVERRIDES = """
DELETE FROM segments_override
WHERE profile_id = %(profile)s AND identifier_id = ANY(%(identifiers)s::bigint[])
"""
