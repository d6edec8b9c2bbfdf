"""Set-based statements on the people of lists."""

# Puts people on a list and returns the profiles of those who were not on it by this identifier. Not
# ORM: it returns only the rows that it inserted.
ADD_PEOPLE = """
INSERT INTO segments_listedperson (profile_id, list_id, identifier_id)
SELECT added.profile_id, %(list)s, added.identifier_id
FROM unnest(%(profiles)s::bigint[], %(identifiers)s::bigint[]) AS added (profile_id, identifier_id)
ON CONFLICT DO NOTHING
RETURNING profile_id
"""

# Takes people off a list and returns their profiles. The ORM's delete returns no rows.
REMOVE_PEOPLE = """
DELETE FROM segments_listedperson
WHERE list_id = %(list)s AND profile_id = ANY(%(profiles)s::bigint[])
RETURNING profile_id
"""

# Takes everybody off a list and returns how many rows there were. Not ORM, which would first read
# them all.
EMPTY_LIST = "DELETE FROM segments_listedperson WHERE list_id = %s"

# Moves the rows of identifiers to other profiles. Deleted and inserted, since the rows of a person
# lie on the machine of the person.
MOVE_LISTED = """
WITH moved AS (
    DELETE FROM segments_listedperson r
    USING unnest(%(identifiers)s::bigint[], %(origins)s::bigint[], %(targets)s::bigint[])
        AS move (identifier_id, origin, target)
    WHERE r.profile_id = move.origin AND r.identifier_id = move.identifier_id
    RETURNING move.target, r.*
)
INSERT INTO segments_listedperson (profile_id, list_id, identifier_id, added_at)
SELECT target, list_id, identifier_id, added_at FROM moved
"""

# Deletes the rows of one erased person. SQL, as for all that an erasure deletes.
ERASE_LISTED = """
DELETE FROM segments_listedperson
WHERE profile_id = %(profile)s AND identifier_id = ANY(%(identifiers)s::bigint[])
"""

# Returns the public ids of the people for whom a condition holds. Not ORM: it is compiled SQL.
LIST_EVERYBODY = "SELECT p.uuid FROM profiles_profile p WHERE {condition} ORDER BY p.id"
