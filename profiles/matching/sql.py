"""Set-based statements on people to compare.

Each reads one table alone, since the three lie apart on a cluster.
"""

# Returns the source records of everybody, and when each last changed. The ORM's JSON field would
# parse each one more slowly, and its iterator makes an object for every row.
ALL_RECORDS = """
SELECT profile_id, traits::text, updated_at FROM profiles_sourcerecord
"""

# Returns everybody's corrected values, for the same reason.
ALL_LOCKS = """
SELECT profile_id, key, value::text, locked_at FROM profiles_traitlock
"""

# Returns everybody's addresses and numbers, and the day from which they have them, for the same
# reason.
ALL_CONTACTS = """
SELECT profile_id, namespace, value, since FROM profiles_identifier
WHERE profile_id IS NOT NULL AND namespace IN ('email', 'phone')
"""

# Returns who may not be compared: their data are stored and not used (article 18). For the same
# reason.
ALL_RESTRICTED = """
SELECT id FROM profiles_profile WHERE is_restricted
"""

# Returns the identifiers of profiles, with their profile. An array, where the ORM would write
# thousands of ids into the statement.
IDENTIFIERS_OF_PROFILES = """
SELECT id, profile_id FROM profiles_identifier WHERE profile_id = ANY(%s::bigint[])
"""

# Returns the pairs among identifiers that were answered, or that a verdict keeps apart. Arrays, for
# the same reason.
SILENCED_PAIRS = """
SELECT one_id, other_id FROM profiles_matchproposal
WHERE state <> 'open' AND one_id = ANY(%(identifiers)s::bigint[])
  AND other_id = ANY(%(identifiers)s::bigint[])
UNION ALL
SELECT one_id, other_id FROM profiles_identitydecision
WHERE ended_at IS NULL AND verdict <> 'same'
  AND one_id = ANY(%(identifiers)s::bigint[])
  AND other_id = ANY(%(identifiers)s::bigint[])
"""

# Gives proposals another score. The ORM's bulk_update makes one CASE branch for every row and
# column.
SCORE_PROPOSALS = """
UPDATE profiles_matchproposal AS p
SET probability = scored.probability, prior = scored.prior, weights = scored.weights,
    scored_at = %s
FROM unnest(%s::bigint[], %s::float8[], %s::float8[], %s::jsonb[])
    AS scored (id, probability, prior, weights)
WHERE p.id = scored.id
"""
