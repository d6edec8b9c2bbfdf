"""Statements on families of segments."""

# Returns how many people were in one of some segments at a time and are in another now, where NULL
# is none. They are parts of a family, so that everybody is in one at most. Not ORM: it joins the
# last change of each person until then with the members of today.
MOVEMENT = """
WITH last_change AS (
    SELECT DISTINCT ON (c.profile_id, c.segment_id) c.profile_id, c.segment_id, c.has_entered
    FROM segments_membershipchange c
    WHERE c.segment_id = ANY(%(segments)s::bigint[]) AND c.changed_at <= %(since)s
    ORDER BY c.profile_id, c.segment_id, c.changed_at DESC, c.id DESC
), former AS (
    SELECT profile_id, segment_id FROM last_change WHERE has_entered
), present AS (
    SELECT m.profile_id, m.segment_id FROM segments_membership m
    WHERE m.segment_id = ANY(%(segments)s::bigint[])
)
SELECT former.segment_id, present.segment_id, count(*)
FROM former FULL JOIN present ON present.profile_id = former.profile_id
GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2
"""
