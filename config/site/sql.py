"""Statements of the admin's home page."""

# Return the number of events by day of a time zone, or by hour, in a sample of so many percent of
# the table. The ORM has no TABLESAMPLE, and a chart must not cost a read of all events.
EVENTS_BY_DAY = """
SELECT (e."timestamp" AT TIME ZONE %(zone)s)::date, count(*)
FROM profiles_event e TABLESAMPLE SYSTEM (%(percent)s)
WHERE e."timestamp" > %(since)s AND e."timestamp" <= %(now)s
GROUP BY 1
"""
EVENTS_BY_HOUR = """
SELECT date_trunc('hour', e."timestamp"), count(*)
FROM profiles_event e TABLESAMPLE SYSTEM (%(percent)s)
WHERE e."timestamp" > %(since)s AND e."timestamp" <= %(now)s
GROUP BY 1
"""

# Returns the number of profiles in a sample, and how many of those have a vouched identifier. The
# ORM has no TABLESAMPLE.
VOUCHED_SHARE = """
WITH sampled AS MATERIALIZED (
    SELECT id FROM profiles_profile TABLESAMPLE SYSTEM (%(percent)s)
), vouched AS MATERIALIZED (
    SELECT DISTINCT profile_id FROM profiles_identifier
    WHERE is_vouched AND profile_id IN (SELECT id FROM sampled)
)
SELECT (SELECT count(*) FROM sampled), (SELECT count(*) FROM vouched)
"""

# Returns the live segments whose size changed most since a time, with their sizes now and then. The
# size then is the last one measured before that time, or the first one after it. The ORM has no
# lateral joins, and would need a subquery each for selecting and for ordering.
SEGMENT_MOVEMENTS = """
SELECT s.id, s.name, s.size, coalesce(before.size, later.size)
FROM segments_segment s
LEFT JOIN LATERAL (
    SELECT z.size FROM segments_segmentsize z
    WHERE z.segment_id = s.id AND z.measured_at <= %(since)s
    ORDER BY z.measured_at DESC LIMIT 1
) before ON true
LEFT JOIN LATERAL (
    SELECT z.size FROM segments_segmentsize z
    WHERE z.segment_id = s.id AND z.measured_at > %(since)s
    ORDER BY z.measured_at LIMIT 1
) later ON true
WHERE s.status = 'live'
ORDER BY abs(s.size - coalesce(before.size, later.size, s.size)) DESC, s.size DESC
LIMIT %(most)s
"""
