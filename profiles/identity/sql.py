"""Set-based statements on identifiers, facts, outcomes and merges."""

# Everything that the profiles of a chunk hold: what limits and unique keys are judged by.
IDENTIFIERS_OF_PROFILES = """
SELECT i.namespace, i.value, i.id, i.profile_id, i.is_vouched, i.since, i.component, i.last_seen_on,
       i.quarantined_at IS NOT NULL
FROM unnest(%s::bigint[]) AS wanted (id) JOIN profiles_identifier i ON i.profile_id = wanted.id
"""

# Ids first, rows once it is known who holds them: facts name identifiers by id.
IDENTIFIER_NUMBERS = """
SELECT nextval('profiles_identifier_id_seq') FROM generate_series(1, %s)
"""
COPY_IDENTIFIERS = """
COPY profiles_identifier (id, namespace, value, profile_id, component, is_vouched, since, quarantined_at,
    first_seen_on, last_seen_on) FROM STDIN
"""

# Numbers for profiles yet to be made, in order, so that the smaller one was created first.
PROFILE_NUMBERS = """
SELECT nextval('profiles_profile_id_seq') FROM generate_series(1, %s)
"""
INSERT_PROFILES = """
INSERT INTO profiles_profile (id, uuid, traits, is_restricted, first_seen_at, last_seen_at)
SELECT id, uuid, '{}'::jsonb, false, %s, %s FROM unnest(%s::bigint[], %s::uuid[]) AS fresh (id, uuid)
"""
INSERT_PROFILE_IDENTIFIERS = """
INSERT INTO profiles_identifier
    (namespace, value, profile_id, component, is_vouched, since, first_seen_on, last_seen_on)
SELECT 'profile', fresh.value, fresh.profile_id, anchor.component, false, day, day, day
FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::date[]) AS fresh (value, profile_id, anchor_id, day)
JOIN profiles_identifier anchor ON anchor.id = fresh.anchor_id
"""

# One statement for all known identifiers that a chunk gave, moved or vouched.
UPDATE_IDENTIFIERS = """
UPDATE profiles_identifier i
SET profile_id = changed.profile_id, is_vouched = changed.is_vouched, since = changed.since,
    quarantined_at = CASE WHEN changed.is_quarantined THEN coalesce(i.quarantined_at, %s) END
FROM unnest(%s::bigint[], %s::bigint[], %s::boolean[],
        %s::date[], %s::boolean[])
    AS changed (id, profile_id, is_vouched, since, is_quarantined)
WHERE i.id = changed.id
"""
FACTS_OF_IDENTIFIERS = """
SELECT seq, identifier_ids, source_id, trust, day FROM profiles_identityfact
WHERE identifier_ids && %s::bigint[] ORDER BY seq
"""

# What a replay of the facts that are left gives.
RESETTLE_IDENTIFIERS = """
UPDATE profiles_identifier i
SET profile_id = settled.profile_id, is_vouched = settled.is_vouched, since = settled.since
FROM unnest(%s::bigint[], %s::bigint[], %s::boolean[],
        %s::date[])
    AS settled (id, profile_id, is_vouched, since)
WHERE i.id = settled.id
"""

# Components only grow: all identifiers of the smaller ones take the number of the one they join.
JOIN_COMPONENTS = """
UPDATE profiles_identifier i SET component = joined.target
FROM unnest(%s::bigint[], %s::bigint[]) AS joined (origin, target)
WHERE i.component = joined.origin
"""

# Touches no index, and nothing at all for who was seen on that day already.
SET_LAST_SEEN = """
UPDATE profiles_identifier i SET last_seen_on = seen.day
FROM unnest(%s::bigint[], %s::date[]) AS seen (id, day)
WHERE i.id = seen.id AND i.last_seen_on < seen.day
"""
KNOWN_FACTS = """
SELECT replace(digest::text, '-', '') FROM profiles_identityfact WHERE digest = ANY(%s::uuid[])
"""

# Which identifiers known facts lost to a rule.
REFUSED_IN_FACTS = """
SELECT replace(f.digest::text, '-', ''), o.identifier_id FROM unnest(%s::uuid[]) AS known (digest)
JOIN profiles_identityfact f ON f.digest = known.digest JOIN profiles_identityoutcome o ON o.fact_id = f.id
WHERE o.rule = ANY(%s)
"""
FACT_NUMBERS = """
SELECT nextval('profiles_fact_seq') FROM generate_series(1, %s)
"""
COPY_FACTS = """
COPY profiles_identityfact (seq, digest, identifier_ids, source_id, trust, day) FROM STDIN
"""

# Few rows against thousands of identifiers: the ORM would spell each of them out.
DECISIONS = """
SELECT one.namespace, one.value, other.namespace, other.value
FROM profiles_identitydecision d
JOIN profiles_identifier one ON one.id = d.one_id
JOIN profiles_identifier other ON other.id = d.other_id
WHERE d.one_id = ANY(%(identifiers)s) OR d.other_id = ANY(%(identifiers)s)
"""
COPY_OUTCOMES = """
COPY profiles_identityoutcome (fact_id, identifier_id, wanter_id, rule, day) FROM STDIN
"""
COPY_MERGES = """
COPY profiles_merge (survivor_id, absorbed_id, absorbed_uuid, survivor_identifier_ids, absorbed_identifier_ids,
    fact_id, rule, actor, merged_at) FROM STDIN
"""
FACT_KEYS = """
SELECT seq, id FROM profiles_identityfact WHERE seq = ANY(%s)
"""
WANTS = """
SELECT identifier_id, wanter_id, day FROM profiles_identityoutcome
WHERE identifier_id = ANY(%s) AND wanter_id IS NOT NULL AND rule <> 'takeover' AND rule <> 'quarantine'
"""

# What a person leaves behind in facts that name others too: the others keep theirs, under a name of no meaning,
# since a fact's digest is made of its identifiers.
DETACH_FACTS = """
UPDATE profiles_identityfact SET digest = gen_random_uuid(),
    identifier_ids = ARRAY(SELECT id FROM unnest(identifier_ids) AS id WHERE id <> ALL(%(identifiers)s))
WHERE identifier_ids && %(identifiers)s::bigint[] AND NOT identifier_ids <@ %(identifiers)s::bigint[]
"""
DELETE_FACTS = """
DELETE FROM profiles_identityfact WHERE identifier_ids <@ %(identifiers)s::bigint[]
"""

# A merge stays a merge where the fact that made it is forgotten.
RELEASE_MERGES = """
UPDATE profiles_merge SET fact_id = NULL
WHERE fact_id IN (SELECT id FROM profiles_identityfact WHERE identifier_ids <@ %(identifiers)s::bigint[])
"""
DELETE_OUTCOMES = """
DELETE FROM profiles_identityoutcome o
WHERE o.identifier_id = ANY(%(identifiers)s) OR o.wanter_id = ANY(%(identifiers)s)
   OR o.fact_id IN (SELECT id FROM profiles_identityfact WHERE identifier_ids <@ %(identifiers)s::bigint[])
"""
DELETE_DECISIONS = """
DELETE FROM profiles_identitydecision WHERE one_id = ANY(%(identifiers)s) OR other_id = ANY(%(identifiers)s)
"""

# What remains of both sides goes on keeping them apart: a refusal that the merge preserved still counts.
DETACH_MERGES = """
UPDATE profiles_merge SET
    survivor_identifier_ids = ARRAY(SELECT id FROM unnest(survivor_identifier_ids) AS id WHERE id <> ALL(%(identifiers)s)),
    absorbed_identifier_ids = ARRAY(SELECT id FROM unnest(absorbed_identifier_ids) AS id WHERE id <> ALL(%(identifiers)s))
WHERE survivor_id = %(profile)s
  AND (survivor_identifier_ids || absorbed_identifier_ids) && %(identifiers)s::bigint[]
"""
DELETE_MERGES = """
DELETE FROM profiles_merge
WHERE survivor_id = %(profile)s
  AND (cardinality(survivor_identifier_ids) = 0 OR cardinality(absorbed_identifier_ids) = 0)
"""
DELETE_IDENTIFIERS = """
DELETE FROM profiles_identifier WHERE id = ANY(%(identifiers)s)
"""

# Once nothing names it any more.
DELETE_EMPTY_PROFILE = """
DELETE FROM profiles_profile p WHERE p.id = %(profile)s
  AND NOT EXISTS (SELECT 1 FROM profiles_identifier i WHERE i.profile_id = p.id)
"""

# All that hung on them has moved; the ORM would look for it once more, table by table.
DELETE_PROFILES = """
DELETE FROM profiles_profile WHERE id = ANY(%s)
"""
PASS_MERGES_TO_SURVIVORS = """
UPDATE profiles_merge m SET survivor_id = pair.survivor
FROM unnest(%s::bigint[], %s::bigint[]) AS pair (survivor, absorbed) WHERE m.survivor_id = pair.absorbed
"""

# The identifiers of arrays, one by one, less those that a rule took out of their fact: the ORM cannot filter by what it unnests.
NAMED_BY_SOURCE = """
SELECT i.profile_id FROM profiles_identityfact f
JOIN profiles_source s ON s.id = f.source_id
CROSS JOIN LATERAL unnest(f.identifier_ids) AS named (id)
JOIN profiles_identifier i ON i.id = named.id
WHERE s.key = %s AND i.profile_id IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM profiles_identityoutcome o
    WHERE o.fact_id = f.id AND o.identifier_id = named.id AND o.rule = ANY(%s)
)
"""

# Verification. Components in order, by their index alone: a loose index scan of distinct numbers is beyond the ORM's reach.
NEXT_COMPONENTS = """
SELECT DISTINCT component FROM profiles_identifier WHERE component > %s ORDER BY component LIMIT %s
"""

# All facts in one pass, sorted by the components that they name: looked up by overlap, each batch would cost more than this.
FACTS_BY_COMPONENT = """
SELECT DISTINCT ON (i.component, f.seq) i.component, f.seq, f.identifier_ids, f.source_id, f.trust, f.day
FROM profiles_identityfact f
CROSS JOIN LATERAL unnest(f.identifier_ids) AS named (id)
JOIN profiles_identifier i ON i.id = named.id
ORDER BY i.component, f.seq
"""
PROFILES_WITHOUT_UUID = """
SELECT p.id FROM profiles_profile p WHERE NOT EXISTS (
    SELECT 1 FROM profiles_identifier i
    WHERE i.value = p.uuid::text AND i.namespace = 'profile' AND i.profile_id = p.id
)
"""
PROFILES_IN_SEVERAL_COMPONENTS = """
SELECT profile_id FROM profiles_identifier WHERE profile_id IS NOT NULL
GROUP BY profile_id HAVING min(component) <> max(component)
"""
