"""Statements of computed traits.

Invariant: no statement has values in its text. Those with `{parts}` are filled by the compiler with
fragments and parameters.
"""

# The first of the two numbers of the locks under which slots are computed. They are others than
# those of memberships, since whoever has one may wait for the people lock.
LOCK_SPACE = 0x7E55_5E61

# Returns the values of computed traits of some profiles. Not ORM: the columns are compiled SQL.
COMPUTE = """
SELECT p.id, {columns} FROM profiles_profile p {joins} WHERE p.id = ANY({ids}::bigint[])
"""

# Returns how many changes await computed traits in each slot. Not ORM, so that the slot is computed
# as in the statement below.
AWAITING_SLOTS = """
SELECT (profile_id %% 64)::int, count(*) FROM profiles_profilechange WHERE awaits_traits GROUP BY 1
"""

# Returns the oldest such changes of some slots.
AWAITING_CHANGES = """
SELECT id, profile_id FROM profiles_profilechange
WHERE awaits_traits AND (profile_id %% 64)::int = ANY(%s) ORDER BY id LIMIT %s
"""

# Returns the next profiles that may have a value of a trait: by the events of some names, and by
# the values that there are. Not ORM: two ordered halves, each read to its limit only.
NEXT_PROFILES = """
SELECT profile_id FROM (
    (SELECT DISTINCT profile_id FROM profiles_eventstat
     WHERE profile_id > %(after)s AND name_id = ANY(%(names)s) ORDER BY profile_id LIMIT %(limit)s)
    UNION
    (SELECT profile_id FROM profiles_computedvalue
     WHERE profile_id > %(after)s AND trait_id = %(trait)s ORDER BY profile_id LIMIT %(limit)s)
) AS either ORDER BY profile_id LIMIT %(limit)s
"""

# Returns how many changes wait, up to a limit. Not ORM: its count of a slice is the same statement.
COUNT_WAITING = """
SELECT count(*) FROM (SELECT 1 FROM profiles_profilechange LIMIT %s) AS waiting
"""
