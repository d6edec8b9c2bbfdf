"""Set-based statements on accounts, their records and their members."""

# Adds accounts and returns nothing of those that were there. Takes many keys as one array, where
# the ORM makes an object for each.
ADD_ACCOUNTS = """
INSERT INTO profiles_account (key, traits, winners, is_vouched)
SELECT unnest(%s::text[]), '{}', '{}', false ON CONFLICT (key) DO NOTHING RETURNING id
"""

# Returns accounts by their keys, with their winners as text: the ORM's JSON field would read
# numbers as floats.
ACCOUNTS_BY_KEY = """
SELECT id, key, is_vouched, winners::text FROM profiles_account WHERE key = ANY(%s::text[])
"""

# Returns accounts by their ids in the same shape, for the same reason.
ACCOUNTS_BY_ID = """
SELECT id, key, is_vouched, winners::text, traits::text FROM profiles_account WHERE id = ANY(%s)
"""

# Returns the records of some identifiers on accounts, with traits as text, for the same reason.
SOME_RECORDS = """
SELECT r.account_id, r.identifier_id, r.source_id, r.trust, r.first_at, r.traits::text
FROM profiles_accountrecord r
JOIN unnest(%s::bigint[], %s::bigint[]) AS wanted (account_id, identifier_id)
    ON wanted.account_id = r.account_id AND wanted.identifier_id = r.identifier_id
"""

# Returns all records of accounts in the same shape, for the same reason.
RECORDS_OF_ACCOUNTS = """
SELECT r.account_id, r.identifier_id, r.source_id, r.trust, r.first_at, r.traits::text
FROM profiles_accountrecord r WHERE r.account_id = ANY(%s)
"""

# Inserts records or replaces what they state. It takes thousands of rows as a few arrays.
UPSERT_RECORDS = """
INSERT INTO profiles_accountrecord
    (account_id, identifier_id, source_id, trust, first_at, traits)
SELECT account_id, identifier_id, source_id, trust, first_at, traits
FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::smallint[], %s::timestamptz[],
    %s::jsonb[]) AS learned (account_id, identifier_id, source_id, trust, first_at, traits)
ON CONFLICT (account_id, identifier_id, source_id, trust)
DO UPDATE SET first_at = excluded.first_at, traits = excluded.traits
"""

# Writes what is derived of accounts. The ORM's bulk_update makes one CASE branch for every row.
SET_ACCOUNTS = """
UPDATE profiles_account a
SET traits = derived.traits, winners = derived.winners, is_vouched = derived.is_vouched
FROM unnest(%s::bigint[], %s::jsonb[], %s::jsonb[], %s::boolean[])
    AS derived (id, traits, winners, is_vouched)
WHERE a.id = derived.id
"""

# Inserts members or widens what is known of them, as many arrays at once.
UPSERT_MEMBERS = """
INSERT INTO profiles_accountmember AS m
    (profile_id, account_id, identifier_id, is_vouched, first_at)
SELECT profile_id, account_id, identifier_id, is_vouched, first_at
FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::boolean[], %s::timestamptz[])
    AS named (profile_id, account_id, identifier_id, is_vouched, first_at)
ON CONFLICT (profile_id, account_id, identifier_id)
DO UPDATE SET is_vouched = m.is_vouched OR excluded.is_vouched,
    first_at = least(m.first_at, excluded.first_at)
"""

# Moves the memberships of identifiers from one profile to another. DELETE and INSERT instead of the
# ORM's UPDATE: profile_id is the key that spreads the table over a cluster.
MOVE_MEMBERS = """
WITH moved AS (
    DELETE FROM profiles_accountmember m
    USING unnest(%(identifiers)s::bigint[], %(origins)s::bigint[], %(targets)s::bigint[])
        AS move (identifier_id, origin, target)
    WHERE m.profile_id = move.origin AND m.identifier_id = move.identifier_id
    RETURNING move.target, m.*
)
INSERT INTO profiles_accountmember (profile_id, account_id, identifier_id, is_vouched, first_at)
SELECT target, account_id, identifier_id, is_vouched, first_at FROM moved
"""

# Deletes the memberships of one erased person. SQL, because the registry's `eraser` takes a
# statement with these two parameters.
DELETE_MEMBERS = """
DELETE FROM profiles_accountmember
WHERE profile_id = %(profile)s AND identifier_id = ANY(%(identifiers)s)
"""

# Deletes what one erased person's identifiers stated, and returns of which accounts. The ORM's
# delete returns no rows.
DELETE_RECORDS = """
DELETE FROM profiles_accountrecord WHERE identifier_id = ANY(%s) RETURNING account_id
"""

# Adds accounts to the queue of those whose members are to be woken. Not ORM, for one row each.
MARK_ACCOUNTS = """
INSERT INTO profiles_accountchange (account_id, woken_to) SELECT unnest(%s::bigint[]), 0
"""

# Takes the oldest change that no other worker has, and locks it. Not ORM: SKIP LOCKED with a limit
# of the first by number.
TAKE_CHANGE = """
SELECT id, account_id, woken_to FROM profiles_accountchange
ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
"""

# Deletes the other changes of an account that nobody began: whoever begins serves all. Not ORM,
# for SKIP LOCKED.
DELETE_OTHER_CHANGES = """
DELETE FROM profiles_accountchange WHERE id IN (
    SELECT id FROM profiles_accountchange
    WHERE account_id = %s AND id <> %s AND woken_to = 0 FOR UPDATE SKIP LOCKED
)
"""

# Returns the next members of an account, by number. Not ORM: DISTINCT ends at the limit only as it
# is written here.
NEXT_MEMBERS = """
SELECT DISTINCT profile_id FROM profiles_accountmember
WHERE account_id = %s AND profile_id > %s ORDER BY profile_id LIMIT %s
"""

# Returns the profiles with memberships whose identifier belongs to another profile or to none. The
# ORM cannot take the difference of two tables in a subquery.
MISATTRIBUTED_MEMBERS = """
SELECT DISTINCT profile_id FROM (
    SELECT profile_id, identifier_id FROM profiles_accountmember
    EXCEPT
    SELECT profile_id, id FROM profiles_identifier
) AS astray
"""

# Returns all records with the traits that they state as text, for the sweep.
ALL_RECORDS = """
SELECT id, account_id, traits::text FROM profiles_accountrecord
"""

# Returns some records in the same shape.
RECORDS_BY_ID = """
SELECT id, account_id, traits::text FROM profiles_accountrecord WHERE id = ANY(%s)
"""

# Replaces what one record states. Not ORM, whose JSON field reads numbers as floats.
SET_RECORD = """
UPDATE profiles_accountrecord SET traits = %s::jsonb WHERE id = %s
"""

# Returns the accounts of one person for a legal hold, by the keys of the accounts. Not ORM: the
# rows are copied as JSON in one statement.
HELD_MEMBERS = """
WITH members AS MATERIALIZED (
    SELECT account_id, to_jsonb(m) AS content FROM profiles_accountmember m
    WHERE m.profile_id = %(profile)s AND m.identifier_id = ANY(%(identifiers)s)
)
SELECT a.key, (members.content || jsonb_build_object('account', a.key))::text
FROM profiles_account a JOIN members ON a.id = members.account_id
"""
