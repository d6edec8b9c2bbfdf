"""The statement that finds people by the hash of their address."""

# Returns the addresses whose SHA-256 is one of the given, by one scan. Not ORM: Django's SHA256
# needs an extension of the database, and no hash may be stored to be indexed.
ADDRESSES_BY_HASH = """
SELECT encode(sha256(convert_to(value, 'UTF8')), 'hex'), value
FROM profiles_identifier
WHERE namespace = 'email'
  AND profile_id IS NOT NULL
  AND encode(sha256(convert_to(value, 'UTF8')), 'hex') = ANY(%s)
"""
