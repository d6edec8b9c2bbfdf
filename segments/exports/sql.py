"""The statement that members leave the system by."""

# Returns a batch of members in the order of their profiles: whether each permits the purpose at
# this instant, the traits of those who do, and the state of the others. Not ORM: the gate is SQL
# text, and must be read in the very statement that reads the traits.
GATED_BATCH = """
SELECT gated.profile_id, gated.entered_at, gated.uuid, gated.last_seen_at, gated.is_permitted,
    CASE WHEN gated.is_permitted THEN gated.traits::text END, gated.is_restricted, gated.state,
    gated.is_objected, gated.valid_until
FROM (
    SELECT m.profile_id, m.entered_at, p.uuid, p.last_seen_at, p.traits, p.is_restricted,
        s.state, s.is_objected, s.valid_until, {permitted} AS is_permitted
    FROM segments_membership m
    JOIN profiles_profile p ON p.id = m.profile_id
    LEFT JOIN consent_consentstate s
        ON s.profile_id = m.profile_id AND s.purpose_id = {purpose}::bigint
    WHERE m.segment_id = {segment}::bigint AND m.profile_id > {after}::bigint
    ORDER BY m.profile_id LIMIT {most}
) AS gated
ORDER BY gated.profile_id
"""
