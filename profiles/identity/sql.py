"""Set-based statements on identifiers, facts, outcomes and merges.

Statements with %(profile)s and %(identifiers)s are run by an erasure. Ids and numbers are drawn
from sequences ahead of COPY, because facts name their identifiers by id.
"""

# Returns all identifiers of profiles, by which limits and unique namespaces are judged. Joined from
# unnest, where the ORM would write thousands of ids into the statement.
IDENTIFIERS_OF_PROFILES = """
SELECT i.namespace, i.value, i.id, i.profile_id, i.is_vouched, i.since, i.component, i.last_seen_on,
       i.quarantined_at IS NOT NULL
FROM unnest(%s::bigint[]) AS wanted (id) JOIN profiles_identifier i ON i.profile_id = wanted.id
"""

# Returns ids for new identifiers. The ORM cannot draw from a sequence.
NEXT_IDENTIFIER_IDS = """
SELECT nextval('profiles_identifier_id_seq') FROM generate_series(1, %s)
"""

# Inserts new identifiers. The ORM has no COPY.
COPY_IDENTIFIERS = """
COPY profiles_identifier (id, namespace, value, profile_id, component, is_vouched, since,
    quarantined_at, first_seen_on, last_seen_on) FROM STDIN
"""

# Returns ids for new profiles, in ascending order. The ORM cannot draw from a sequence.
NEXT_PROFILE_IDS = """
SELECT nextval('profiles_profile_id_seq') FROM generate_series(1, %s)
"""

# Inserts new profiles under ids drawn before. Arrays instead of the ORM's object for every row.
INSERT_PROFILES = """
INSERT INTO profiles_profile (id, uuid, traits, is_restricted, first_seen_at, last_seen_at)
SELECT id, uuid, '{}'::jsonb, false, %s, %s
FROM unnest(%s::bigint[], %s::uuid[]) AS fresh (id, uuid)
"""

# Inserts the public UUIDs of new profiles as identifiers, each in the component of another
# identifier of the profile. The ORM has no INSERT … SELECT.
INSERT_PROFILE_IDENTIFIERS = """
INSERT INTO profiles_identifier
    (namespace, value, profile_id, component, is_vouched, since, first_seen_on, last_seen_on)
SELECT 'profile', fresh.value, fresh.profile_id, anchor.component, false, day, day, day
FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::date[])
    AS fresh (value, profile_id, anchor_id, day)
JOIN profiles_identifier anchor ON anchor.id = fresh.anchor_id
"""

# Updates the stored identifiers that a chunk attached, moved, vouched for or quarantined. The ORM's
# bulk_update makes one CASE branch for every row and column.
UPDATE_IDENTIFIERS = """
UPDATE profiles_identifier i
SET profile_id = changed.profile_id, is_vouched = changed.is_vouched, since = changed.since,
    quarantined_at = CASE WHEN changed.is_quarantined THEN coalesce(i.quarantined_at, %s) END
FROM unnest(%s::bigint[], %s::bigint[], %s::boolean[],
        %s::date[], %s::boolean[])
    AS changed (id, profile_id, is_vouched, since, is_quarantined)
WHERE i.id = changed.id
"""

# Returns the facts that name any of the identifiers. Columns in the order of StoredFact; the ORM
# would make an object for every fact of a component.
FACTS_OF_IDENTIFIERS = """
SELECT seq, identifier_ids, source_id, trust, day, judged_by FROM profiles_identityfact
WHERE identifier_ids && %s::bigint[] ORDER BY seq
"""

# Returns the same, by a look-up for each identifier: beside an array of all of them, each fact
# would be compared with each of them. The ORM has no LATERAL.
FACTS_OF_MANY_IDENTIFIERS = """
WITH naming AS MATERIALIZED (
    SELECT DISTINCT fact.seq FROM unnest(%s::bigint[]) AS wanted (id)
    CROSS JOIN LATERAL (
        SELECT f.seq FROM profiles_identityfact f WHERE f.identifier_ids @> ARRAY[wanted.id]
        OFFSET 0
    ) AS fact
)
SELECT f.seq, f.identifier_ids, f.source_id, f.trust, f.day, f.judged_by
FROM naming JOIN profiles_identityfact f USING (seq) ORDER BY f.seq
"""

# Sorts new facts into the index, since each look-up would otherwise search all of those that are
# not. It changes no row, so a read-only snapshot allows it. The ORM knows no such function.
SORT_FACTS_INTO_INDEX = """
SELECT gin_clean_pending_list('identity_fact_identifiers'::regclass)
"""

# Updates identifiers to what a replay gives. The ORM's bulk_update makes one CASE branch for every
# row and column.
RESETTLE_IDENTIFIERS = """
UPDATE profiles_identifier i
SET profile_id = settled.profile_id, is_vouched = settled.is_vouched, since = settled.since
FROM unnest(%s::bigint[], %s::bigint[], %s::boolean[],
        %s::date[])
    AS settled (id, profile_id, is_vouched, since)
WHERE i.id = settled.id
"""

# Gives all identifiers of components the number of the component that these join. The ORM cannot
# update from pairs of values.
JOIN_COMPONENTS = """
UPDATE profiles_identifier i SET component = joined.target
FROM unnest(%s::bigint[], %s::bigint[]) AS joined (origin, target)
WHERE i.component = joined.origin
"""

# Updates the day on which identifiers were last seen; no index has it, so that the update stays in
# the page. The ORM cannot update from pairs of values.
SET_LAST_SEEN = """
UPDATE profiles_identifier i SET last_seen_on = seen.day
FROM unnest(%s::bigint[], %s::date[]) AS seen (id, day)
WHERE i.id = seen.id AND i.last_seen_on < seen.day
"""

# Returns those of the digests that a stored fact has, in the spelling of Observation. The ORM would
# write thousands of digests into the statement and make a UUID object of each.
KNOWN_FACTS = """
SELECT replace(digest::text, '-', '') FROM profiles_identityfact WHERE digest = ANY(%s::uuid[])
"""

# Returns the identifiers that facts lost to a rule, by the fact's digest. SQL for the same reason.
REFUSED_IN_FACTS = """
SELECT replace(f.digest::text, '-', ''), o.identifier_id
FROM unnest(%s::uuid[]) AS known (digest)
JOIN profiles_identityfact f ON f.digest = known.digest
JOIN profiles_identityoutcome o ON o.fact_id = f.seq
WHERE o.rule = ANY(%s)
"""

# Returns the identifiers and day of each claim of these days that names any of the identifiers. One
# array parameter, where the ORM would write every id into the statement.
CLAIMS_OF_DAYS = """
SELECT identifier_ids, day FROM profiles_identityfact
WHERE identifier_ids && %s::bigint[] AND day = ANY(%s::date[]) AND trust = %s
"""

# Returns the order numbers of new facts. The sequence belongs to no model.
NEXT_FACT_SEQS = """
SELECT nextval('profiles_fact_seq') FROM generate_series(1, %s)
"""

# Inserts new facts. The ORM has no COPY.
COPY_FACTS = """
COPY profiles_identityfact (seq, digest, identifier_ids, source_id, trust, day) FROM STDIN
"""

# Returns the standing verdicts on any of the identifiers, in the order of Verdict, but by the ids
# of the two. There are few rows but thousands of ids, which the ORM would write into the statement
# twice.
DECISIONS_ON_IDENTIFIERS = """
SELECT one_id, other_id, id, verdict = 'same', is_of_staff
FROM profiles_identitydecision
WHERE ended_at IS NULL
  AND (one_id = ANY(%(identifiers)s) OR other_id = ANY(%(identifiers)s))
"""

# Inserts outcomes. The ORM has no COPY.
COPY_OUTCOMES = """
COPY profiles_identityoutcome (fact_id, identifier_id, wanter_id, rule, day) FROM STDIN
"""

# Adds refusals to cases, and makes those that are new. The ORM cannot add to a row that it may have
# to insert.
ADD_TO_CASES = """
INSERT INTO profiles_identitycase AS c
    (uuid, identifier_id, kind, refusals, first_day, last_day, last_fact, state, answer, actor)
SELECT gen_random_uuid(), identifier_id, kind, refusals, first_day, last_day, last_fact,
       'open', '', ''
FROM unnest(%s::bigint[], %s::text[], %s::integer[], %s::date[], %s::date[], %s::bigint[])
    AS fresh (identifier_id, kind, refusals, first_day, last_day, last_fact)
ORDER BY identifier_id, kind
ON CONFLICT (identifier_id, kind) DO UPDATE SET
    refusals = c.refusals + EXCLUDED.refusals,
    first_day = least(c.first_day, EXCLUDED.first_day),
    last_day = greatest(c.last_day, EXCLUDED.last_day),
    last_fact = greatest(c.last_fact, EXCLUDED.last_fact)
"""

# Makes cases of all stored outcomes of the identifiers, in the place of what was counted before.
# The ORM cannot insert what it selects. The rules are
# those of `cases.py`.
RECOUNT_CASES = """
INSERT INTO profiles_identitycase
    (uuid, identifier_id, kind, refusals, first_day, last_day, last_fact, state, answer, actor)
SELECT gen_random_uuid(), identifier_id, kind, count(*), min(day), max(day), max(fact_id),
       'open', '', ''
FROM (
    SELECT CASE WHEN o.rule = 'limit' THEN o.wanter_id ELSE o.identifier_id END AS identifier_id,
           CASE o.rule WHEN 'unique' THEN 'two_people' WHEN 'limit' THEN 'too_many'
               WHEN 'not_same' THEN 'against_verdict' ELSE 'shared' END AS kind,
           o.day, o.fact_id
    FROM profiles_identityoutcome o JOIN profiles_identityfact f ON f.seq = o.fact_id
    WHERE (o.identifier_id = ANY(%(identifiers)s) OR o.wanter_id = ANY(%(identifiers)s))
      AND (o.rule IN ('unique', 'limit', 'cap', 'quarantine')
           OR (o.rule = 'not_same' AND f.trust >= %(least_trust)s))
) AS doubt
WHERE identifier_id = ANY(%(identifiers)s)
GROUP BY identifier_id, kind
ON CONFLICT (identifier_id, kind) DO UPDATE SET
    refusals = EXCLUDED.refusals, first_day = EXCLUDED.first_day,
    last_day = EXCLUDED.last_day, last_fact = EXCLUDED.last_fact
RETURNING identifier_id, kind
"""

# Inserts merges, with columns in the order of MergeRow. The ORM has no COPY.
COPY_MERGES = """
COPY profiles_merge (survivor_id, absorbed_id, absorbed_uuid, survivor_identifier_ids,
    absorbed_identifier_ids, fact_id, rule, actor, merged_at) FROM STDIN
"""

# Returns who wanted the identifiers and on which day: the wanters of dropped and merging refs, but
# of claims refused for what they are, and since the last release. One array parameter, where the
# ORM would write every id into the statement.
WANTS_OF_IDENTIFIERS = """
WITH wanted AS MATERIALIZED (
    SELECT id, released_seq FROM profiles_identifier WHERE id = ANY(%(identifiers)s)
)
SELECT o.identifier_id, o.wanter_id, o.day FROM profiles_identityoutcome o
JOIN wanted i ON i.id = o.identifier_id
WHERE o.identifier_id = ANY(%(identifiers)s) AND o.wanter_id IS NOT NULL
  AND o.rule NOT IN ('takeover', 'quarantine', 'pushed_out', 'trust', 'claim_limit')
  AND (i.released_seq IS NULL OR o.fact_id > i.released_seq)
"""

# Takes an erased person's identifiers out of facts that name other people too. The digest is
# replaced by a random one, since it was made of all identifiers. The ORM cannot subtract arrays.
DETACH_FACTS = """
UPDATE profiles_identityfact SET digest = gen_random_uuid(), identifier_ids =
    ARRAY(SELECT id FROM unnest(identifier_ids) AS id WHERE id <> ALL(%(identifiers)s))
WHERE identifier_ids && %(identifiers)s::bigint[]
  AND NOT identifier_ids <@ %(identifiers)s::bigint[]
"""

# Deletes the facts that name only an erased person. SQL, because the registry's `eraser` takes a
# statement.
DELETE_FACTS = """
DELETE FROM profiles_identityfact WHERE identifier_ids <@ %(identifiers)s::bigint[]
"""

# Clears the fact of merges ahead of DELETE_FACTS: the merge stays, its fact goes. SQL, because the
# registry's `eraser` takes a statement.
RELEASE_MERGES = """
UPDATE profiles_merge SET fact_id = NULL WHERE fact_id IN (
    SELECT seq FROM profiles_identityfact WHERE identifier_ids <@ %(identifiers)s::bigint[]
)
"""

# Deletes the outcomes of an erased person's identifiers and facts. SQL, because the registry's
# `eraser` takes a statement.
DELETE_OUTCOMES = """
DELETE FROM profiles_identityoutcome o
WHERE o.identifier_id = ANY(%(identifiers)s) OR o.wanter_id = ANY(%(identifiers)s)
   OR o.fact_id IN (
    SELECT seq FROM profiles_identityfact WHERE identifier_ids <@ %(identifiers)s::bigint[]
)
"""

# Deletes the decisions on an erased person's identifiers. SQL, because the registry's `eraser`
# takes a statement.
DELETE_DECISIONS = """
DELETE FROM profiles_identitydecision
WHERE one_id = ANY(%(identifiers)s) OR other_id = ANY(%(identifiers)s)
"""

# Takes an erased person's identifiers out of both sides of merges. What remains of the sides still
# keeps a refusal that only one of them gave. The ORM cannot subtract arrays.
DETACH_MERGES = """
UPDATE profiles_merge SET
    survivor_identifier_ids = ARRAY(
        SELECT id FROM unnest(survivor_identifier_ids) AS id WHERE id <> ALL(%(identifiers)s)
    ),
    absorbed_identifier_ids = ARRAY(
        SELECT id FROM unnest(absorbed_identifier_ids) AS id WHERE id <> ALL(%(identifiers)s)
    )
WHERE survivor_id = %(profile)s
  AND (survivor_identifier_ids || absorbed_identifier_ids) && %(identifiers)s::bigint[]
"""

# Deletes merges of which a side is empty after DETACH_MERGES. SQL, because the registry's `eraser`
# takes a statement.
DELETE_MERGES = """
DELETE FROM profiles_merge
WHERE survivor_id = %(profile)s
  AND (cardinality(survivor_identifier_ids) = 0 OR cardinality(absorbed_identifier_ids) = 0)
"""

# Deletes an erased person's identifiers. SQL, because the registry's `eraser` takes a statement.
DELETE_IDENTIFIERS = """
DELETE FROM profiles_identifier WHERE id = ANY(%(identifiers)s)
"""

# Deletes an erased profile unless an identifier is left to it. SQL, because the registry's `eraser`
# takes a statement.
DELETE_EMPTY_PROFILE = """
DELETE FROM profiles_profile WHERE id = %(profile)s
  AND NOT EXISTS (SELECT 1 FROM profiles_identifier WHERE profile_id = %(profile)s)
"""

# Deletes absorbed profiles. All their rows have moved, and the ORM's delete would look for them
# again in every table.
DELETE_PROFILES = """
DELETE FROM profiles_profile WHERE id = ANY(%s)
"""

# Gives the merges of absorbed profiles to their survivors. The ORM cannot update from pairs of
# values.
PASS_MERGES_TO_SURVIVORS = """
UPDATE profiles_merge m SET survivor_id = pair.survivor
FROM unnest(%s::bigint[], %s::bigint[]) AS pair (survivor, absorbed)
WHERE m.survivor_id = pair.absorbed
"""

# Returns the profiles with an identifier that a source named, unless a rule dropped it from the
# fact. The ORM cannot join the elements of an array.
PROFILES_NAMED_BY_SOURCE = """
SELECT profile_id FROM profiles_identifier WHERE profile_id IS NOT NULL AND id IN (
    SELECT named.id FROM profiles_identityfact f
    JOIN profiles_source s ON s.id = f.source_id
    CROSS JOIN LATERAL unnest(f.identifier_ids) AS named (id)
    WHERE s.key = %s AND NOT EXISTS (
        SELECT 1 FROM profiles_identityoutcome o
        WHERE o.fact_id = f.seq AND o.identifier_id = named.id AND o.rule = ANY(%s)
    )
)
"""

# Returns the next components in order, for a verification in batches. SQL, because `find_drift`
# runs all its statements with one function.
NEXT_COMPONENTS = """
SELECT DISTINCT component FROM profiles_identifier
WHERE component > %s ORDER BY component LIMIT %s
"""

# Returns all facts, once for each component that they name, ordered by it. One pass costs less than
# a look-up by overlap for every batch; the ORM cannot join the elements of an array.
FACTS_BY_COMPONENT = """
WITH identifier AS MATERIALIZED (SELECT id, component FROM profiles_identifier)
SELECT DISTINCT ON (i.component, f.seq)
    i.component, f.seq, f.identifier_ids, f.source_id, f.trust, f.day, f.judged_by
FROM profiles_identityfact f
CROSS JOIN LATERAL unnest(f.identifier_ids) AS named (id)
JOIN identifier i ON i.id = named.id
ORDER BY i.component, f.seq
"""

# Returns the profiles whose public UUID is not among their identifiers. SQL, because `find_drift`
# runs all its statements with one function.
PROFILES_WITHOUT_UUID = """
SELECT id FROM (
    SELECT id, uuid::text FROM profiles_profile
    EXCEPT
    SELECT profile_id, value FROM profiles_identifier WHERE namespace = 'profile'
) AS nameless
"""

# Returns the profiles whose identifiers are in more than one component. SQL, because `find_drift`
# runs all its statements with one function.
PROFILES_IN_SEVERAL_COMPONENTS = """
SELECT profile_id FROM profiles_identifier WHERE profile_id IS NOT NULL
GROUP BY profile_id HAVING min(component) <> max(component)
"""

# Returns the identifiers of one person for a legal hold, by their namespaces. Not ORM: the rows are
# copied as JSON in one statement.
HELD_IDENTIFIERS = """
SELECT i.namespace, to_jsonb(i)::text FROM profiles_identifier i
WHERE i.profile_id = %(profile)s AND i.id = ANY(%(identifiers)s)
"""
