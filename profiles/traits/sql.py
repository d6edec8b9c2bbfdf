"""Set-based statements on source records, trait locks and golden traits."""

MOVE_RECORDS = """
WITH moved AS (
    DELETE FROM profiles_sourcerecord r
    USING unnest(%(identifiers)s::bigint[], %(origins)s::bigint[], %(targets)s::bigint[])
        AS move (identifier_id, origin, target)
    WHERE r.profile_id = move.origin AND r.identifier_id = move.identifier_id
    RETURNING move.target, r.*
)
INSERT INTO profiles_sourcerecord (id, identifier_id, profile_id, source_id, trust, traits, updated_at)
SELECT id, identifier_id, target, source_id, trust, traits, updated_at FROM moved
"""
MOVE_LOCKS = """
WITH moved AS (
    DELETE FROM profiles_traitlock l
    USING unnest(%(identifiers)s::bigint[], %(origins)s::bigint[], %(targets)s::bigint[])
        AS move (identifier_id, origin, target)
    WHERE l.profile_id = move.origin AND l.identifier_id = move.identifier_id
    RETURNING move.target, l.*
)
INSERT INTO profiles_traitlock (id, identifier_id, profile_id, key, value, actor, reason, locked_at)
SELECT id, identifier_id, target, key, value, actor, reason, locked_at FROM moved
"""
RECORDS_OF_PROFILES = """
SELECT r.profile_id, r.identifier_id, r.source_id, r.trust, r.traits::text
FROM profiles_sourcerecord r WHERE r.profile_id = ANY(%s)
"""
UPSERT_RECORDS = """
INSERT INTO profiles_sourcerecord (profile_id, identifier_id, source_id, trust, traits, updated_at)
SELECT profile_id, identifier_id, source_id, trust, traits, %s
FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::smallint[], %s::jsonb[])
    AS learned (profile_id, identifier_id, source_id, trust, traits)
ON CONFLICT (profile_id, identifier_id, source_id, trust)
DO UPDATE SET traits = excluded.traits, updated_at = excluded.updated_at
"""
LOCKS_OF_PROFILES = """
SELECT profile_id, key, value::text, extract(epoch FROM locked_at) FROM profiles_traitlock WHERE profile_id = ANY(%s)
"""
CONTACTS_OF_PROFILES = """
SELECT i.profile_id, i.namespace, i.value, i.is_vouched, i.since
FROM unnest(%s::bigint[]) AS wanted (id) JOIN profiles_identifier i ON i.profile_id = wanted.id
WHERE i.namespace IN ('email', 'phone')
"""
GOLDEN_OF_PROFILES = """
SELECT id, traits::text FROM profiles_profile WHERE id = ANY(%s)
"""
SET_GOLDEN = """
UPDATE profiles_profile p SET traits = golden.traits
FROM unnest(%s::bigint[], %s::jsonb[]) AS golden (id, traits) WHERE p.id = golden.id
"""
DELETE_RECORDS = """
DELETE FROM profiles_sourcerecord WHERE profile_id = %(profile)s AND identifier_id = ANY(%(identifiers)s)
"""
DELETE_LOCKS = """
DELETE FROM profiles_traitlock WHERE profile_id = %(profile)s AND identifier_id = ANY(%(identifiers)s)
"""
MISATTRIBUTED_RECORDS = """
SELECT DISTINCT r.profile_id FROM profiles_sourcerecord r
LEFT JOIN profiles_identifier i ON i.id = r.identifier_id WHERE i.profile_id IS DISTINCT FROM r.profile_id
"""
MISATTRIBUTED_LOCKS = """
SELECT DISTINCT l.profile_id FROM profiles_traitlock l
LEFT JOIN profiles_identifier i ON i.id = l.identifier_id WHERE i.profile_id IS DISTINCT FROM l.profile_id
"""
