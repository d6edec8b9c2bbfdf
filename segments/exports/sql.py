"""The statements that people leave the system by."""

# Returns some people in the order of their profiles: whether each permits the purpose at this
# instant, the traits of those who do, and the state of the others. Not ORM: the gate is SQL text,
# and must be read in the very statement that reads the traits. Somebody may be on a list twice.
GATED_BATCH = """
SELECT gated.profile_id, gated.since, gated.uuid, gated.last_seen_at, gated.is_permitted,
    CASE WHEN gated.is_permitted THEN gated.traits::text END, gated.is_restricted, gated.state,
    gated.is_objected, gated.valid_until
FROM (
    SELECT DISTINCT ON (p.id) p.id AS profile_id, {since} AS since, p.uuid, p.last_seen_at,
        p.traits, p.is_restricted, s.state, s.is_objected, s.valid_until,
        {permitted} AS is_permitted
    FROM profiles_profile p {joins}
    LEFT JOIN consent_consentstate s
        ON s.profile_id = p.id AND s.purpose_id = {purpose}::bigint
    WHERE p.id = ANY({ids}::bigint[]) AND {holds}
    ORDER BY p.id, since
) AS gated
ORDER BY gated.profile_id
"""

# Keeps who was in a file. Not ORM: people who are gone meanwhile have no identifier.
NOTE_WRITTEN = """
INSERT INTO segments_exportedperson (profile_id, export_id, identifier_id)
SELECT written.profile_id, %(export)s, written.identifier_id
FROM unnest(%(profiles)s::bigint[], %(identifiers)s::bigint[])
    AS written (profile_id, identifier_id)
ON CONFLICT DO NOTHING
"""

# Moves the rows of identifiers to other profiles. Deleted and inserted, since the rows of a person
# lie on the machine of the person.
MOVE_WRITTEN = """
WITH moved AS (
    DELETE FROM segments_exportedperson r
    USING unnest(%(identifiers)s::bigint[], %(origins)s::bigint[], %(targets)s::bigint[])
        AS move (identifier_id, origin, target)
    WHERE r.profile_id = move.origin AND r.identifier_id = move.identifier_id
    RETURNING move.target, r.*
)
INSERT INTO segments_exportedperson (profile_id, export_id, identifier_id, written_at)
SELECT target, export_id, identifier_id, written_at FROM moved
"""

# Deletes the rows of one erased person. SQL, as for all that an erasure deletes.
ERASE_WRITTEN = """
DELETE FROM segments_exportedperson
WHERE profile_id = %(profile)s AND identifier_id = ANY(%(identifiers)s::bigint[])
"""
