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
