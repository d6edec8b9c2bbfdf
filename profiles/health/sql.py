"""The set-based statements of identity health. All read a sample of people, by their ids.

Not ORM: one reads a sample of a table, the others what all records of many people say.
"""

SAMPLE = """
SELECT p.id, p.uuid FROM profiles_profile p TABLESAMPLE SYSTEM (%(percent)s)
WHERE NOT p.is_restricted LIMIT %(most)s
"""

# What every source said of the people, record by record.
RECORDS = """
SELECT r.profile_id, r.traits::text FROM profiles_sourcerecord r
WHERE r.profile_id = ANY(%(ids)s)
"""

IDENTIFIERS = """
SELECT i.profile_id, i.namespace, count(*), count(*) FILTER (WHERE i.is_vouched)
FROM profiles_identifier i
WHERE i.profile_id = ANY(%(ids)s) AND i.namespace <> 'profile'
GROUP BY i.profile_id, i.namespace
"""
