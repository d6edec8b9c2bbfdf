"""Set-based statements on source records, trait locks and golden traits.

Statements with %(profile)s and %(identifiers)s are run by an erasure, those with %(identifiers)s,
%(origins)s and %(targets)s by a merge or unmerge.
"""

# Moves the source records of identifiers from one profile to another. DELETE and INSERT instead of
# the ORM's UPDATE: profile_id is the key that spreads the table over a cluster.
MOVE_RECORDS = """
WITH moved AS (
    DELETE FROM profiles_sourcerecord r
    USING unnest(%(identifiers)s::bigint[], %(origins)s::bigint[], %(targets)s::bigint[])
        AS move (identifier_id, origin, target)
    WHERE r.profile_id = move.origin AND r.identifier_id = move.identifier_id
    RETURNING move.target, r.*
)
INSERT INTO profiles_sourcerecord
    (id, identifier_id, profile_id, source_id, trust, traits, updated_at)
SELECT id, identifier_id, target, source_id, trust, traits, updated_at FROM moved
"""

# Moves the trait locks of identifiers in the same way and for the same reason.
MOVE_LOCKS = """
WITH moved AS (
    DELETE FROM profiles_traitlock l
    USING unnest(%(identifiers)s::bigint[], %(origins)s::bigint[], %(targets)s::bigint[])
        AS move (identifier_id, origin, target)
    WHERE l.profile_id = move.origin AND l.identifier_id = move.identifier_id
    RETURNING move.target, l.*
)
INSERT INTO profiles_traitlock
    (id, identifier_id, profile_id, key, value, sealed, actor, reason, locked_at)
SELECT id, identifier_id, target, key, value, sealed, actor, reason, locked_at FROM moved
"""

# Moves the special traits of identifiers in the same way and for the same reason.
MOVE_SPECIAL = """
WITH moved AS (
    DELETE FROM profiles_specialtrait s
    USING unnest(%(identifiers)s::bigint[], %(origins)s::bigint[], %(targets)s::bigint[])
        AS move (identifier_id, origin, target)
    WHERE s.profile_id = move.origin AND s.identifier_id = move.identifier_id
    RETURNING move.target, s.*
)
INSERT INTO profiles_specialtrait
    (id, identifier_id, profile_id, source_id, trust, key, sealed, at, arrival)
SELECT id, identifier_id, target, source_id, trust, key, sealed, at, arrival FROM moved
"""

# Returns the source records of profiles. Their traits come as text, since the ORM's JSON field
# would read their numbers as floats.
RECORDS_OF_PROFILES = """
SELECT r.profile_id, r.identifier_id, r.source_id, r.trust, r.traits::text
FROM profiles_sourcerecord r WHERE r.profile_id = ANY(%s)
"""

# Inserts source records or replaces their traits. It takes thousands of rows as a few arrays, where
# the ORM's bulk_create makes an object for every row and a parameter for every value.
UPSERT_RECORDS = """
INSERT INTO profiles_sourcerecord (profile_id, identifier_id, source_id, trust, traits, updated_at)
SELECT profile_id, identifier_id, source_id, trust, traits, %s
FROM ROWS FROM (
        unnest(%s::bigint[]), unnest(%s::bigint[]), unnest(%s::bigint[]), unnest(%s::smallint[]),
        jsonb_array_elements(%s::jsonb)
    ) AS learned (profile_id, identifier_id, source_id, trust, traits)
ON CONFLICT (profile_id, identifier_id, source_id, trust)
DO UPDATE SET traits = excluded.traits, updated_at = excluded.updated_at
"""

# Inserts what sources state of special traits, or replaces what is older. Not ORM: its bulk_create
# replaces whatever is there.
UPSERT_SPECIAL = """
INSERT INTO profiles_specialtrait AS stored
    (profile_id, identifier_id, source_id, trust, key, sealed, at, arrival)
SELECT profile_id, identifier_id, source_id, trust, key, sealed, at, arrival
FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::smallint[], %s::text[], %s::bytea[],
            %s::bigint[], %s::bigint[])
    AS stated (profile_id, identifier_id, source_id, trust, key, sealed, at, arrival)
ON CONFLICT (profile_id, identifier_id, source_id, trust, key)
DO UPDATE SET sealed = excluded.sealed, at = excluded.at, arrival = excluded.arrival
WHERE (stored.at, stored.arrival) < (excluded.at, excluded.arrival)
"""

# Returns the trait locks of profiles, times in epoch seconds. Values come as text, like the traits
# of source records; those of special traits are sealed.
LOCKS_OF_PROFILES = """
SELECT profile_id, key, value::text, extract(epoch FROM locked_at), identifier_id, sealed
FROM profiles_traitlock WHERE profile_id = ANY(%s)
"""

# Returns the e-mail addresses and telephone numbers of profiles. Joined from unnest, so that the
# planner starts at the profiles and not at the namespaces.
CONTACTS_OF_PROFILES = """
SELECT i.profile_id, i.namespace, i.value, i.is_vouched, i.since
FROM unnest(%s::bigint[]) AS wanted (id) JOIN profiles_identifier i ON i.profile_id = wanted.id
WHERE i.namespace IN ('email', 'phone')
"""

# Returns the values of computed traits of profiles as text, like the traits of source records.
COMPUTED_OF_PROFILES = """
SELECT profile_id, trait_id, value::text FROM profiles_computedvalue WHERE profile_id = ANY(%s)
"""

# Replaces the values of computed traits of profiles. Of a profile that is gone none is written. Not
# ORM: thousands of rows as a few arrays, and the check in the same statement.
SET_COMPUTED = """
INSERT INTO profiles_computedvalue (profile_id, trait_id, value)
SELECT computed.profile_id, computed.trait_id, computed.value
FROM unnest(%s::bigint[], %s::bigint[], %s::jsonb[]) AS computed (profile_id, trait_id, value)
JOIN profiles_profile p ON p.id = computed.profile_id
ON CONFLICT (profile_id, trait_id) DO UPDATE SET value = excluded.value
"""

# Deletes values of computed traits. Not ORM: it cannot take pairs as arrays.
DELETE_COMPUTED = """
DELETE FROM profiles_computedvalue v
USING unnest(%s::bigint[], %s::bigint[]) AS gone (profile_id, trait_id)
WHERE v.profile_id = gone.profile_id AND v.trait_id = gone.trait_id
"""

# Deletes all that was computed of one erased person. SQL, because the registry's `eraser` takes a
# statement with this parameter.
ERASE_COMPUTED = """
DELETE FROM profiles_computedvalue WHERE profile_id = %(profile)s
"""

# Returns the stored golden traits of profiles as text, like the traits of source records.
GOLDEN_OF_PROFILES = """
SELECT id, traits::text FROM profiles_profile WHERE id = ANY(%s)
"""

# Writes golden traits. The ORM's bulk_update makes one CASE branch for every row.
SET_GOLDEN = """
UPDATE profiles_profile p SET traits = golden.traits
FROM ROWS FROM (unnest(%s::bigint[]), jsonb_array_elements(%s::jsonb)) AS golden (id, traits)
WHERE p.id = golden.id
"""

# Deletes the source records of one erased person. SQL, because the registry's `eraser` takes a
# statement with these two parameters.
DELETE_RECORDS = """
DELETE FROM profiles_sourcerecord
WHERE profile_id = %(profile)s AND identifier_id = ANY(%(identifiers)s)
"""

# Deletes the trait locks of one erased person. SQL, because the registry's `eraser` takes a
# statement with these two parameters.
DELETE_LOCKS = """
DELETE FROM profiles_traitlock
WHERE profile_id = %(profile)s AND identifier_id = ANY(%(identifiers)s)
"""

# Deletes the special traits of one erased person. SQL, because the registry's `eraser` takes a
# statement with these two parameters.
DELETE_SPECIAL = """
DELETE FROM profiles_specialtrait
WHERE profile_id = %(profile)s AND identifier_id = ANY(%(identifiers)s)
"""

# Returns the profiles with source records whose identifier belongs to another profile or to none.
# The ORM cannot take the difference of two tables in a subquery.
MISATTRIBUTED_RECORDS = """
SELECT DISTINCT profile_id FROM (
    SELECT profile_id, identifier_id FROM profiles_sourcerecord
    EXCEPT
    SELECT profile_id, id FROM profiles_identifier
) AS astray
"""

# Returns the profiles with trait locks whose identifier belongs to another profile or to none. The
# ORM cannot take the difference of two tables in a subquery.
MISATTRIBUTED_LOCKS = """
SELECT DISTINCT profile_id FROM (
    SELECT profile_id, identifier_id FROM profiles_traitlock
    EXCEPT
    SELECT profile_id, id FROM profiles_identifier
) AS astray
"""

# Returns the profiles with special traits whose identifier belongs to another profile or to none.
# The ORM cannot take the difference of two tables in a subquery.
MISATTRIBUTED_SPECIAL = """
SELECT DISTINCT profile_id FROM (
    SELECT profile_id, identifier_id FROM profiles_specialtrait
    EXCEPT
    SELECT profile_id, id FROM profiles_identifier
) AS astray
"""

# Returns the source records of one person for a legal hold, by the keys of their sources. Not ORM:
# the rows are copied as JSON in one statement, with every digit of their numbers.
HELD_RECORDS = """
SELECT s.key, (to_jsonb(r) || jsonb_build_object('source', s.key))::text
FROM profiles_sourcerecord r JOIN profiles_source s ON s.id = r.source_id
WHERE r.profile_id = %(profile)s AND r.identifier_id = ANY(%(identifiers)s)
"""

# Returns the trait locks of one person for a legal hold, by their traits, without those of special
# traits, whose key an erasure deletes. Not ORM, for the same reason.
HELD_LOCKS = """
SELECT l.key, (to_jsonb(l) - 'sealed')::text FROM profiles_traitlock l
WHERE l.profile_id = %(profile)s AND l.identifier_id = ANY(%(identifiers)s) AND l.sealed IS NULL
"""

# Takes one trait out of all source records of profiles. Not ORM, for the same reason as the next.
DROP_TRAIT = """
UPDATE profiles_sourcerecord SET traits = traits - %s
WHERE profile_id = ANY(%s::bigint[]) AND traits ? %s
"""

# Takes traits out of one source record, and leaves the time of its last statement. Not ORM: it has
# no operator that takes keys out of JSON.
DROP_TRAITS = """
UPDATE profiles_sourcerecord SET traits = traits - %s::text[]
WHERE profile_id = %s AND identifier_id = %s AND source_id = %s AND trust = %s
"""
