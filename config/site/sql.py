"""Constant statements of the overview, each with the reason why it is not ORM."""

# Sampled by page: a picture of the traffic must not cost a read of all events. The ORM knows no TABLESAMPLE.
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
# People and how many of them are vouched for, sampled likewise.
VOUCHED_SHARE = """
SELECT count(*), count(*) FILTER (WHERE EXISTS (
    SELECT 1 FROM profiles_identifier i WHERE i.profile_id = p.id AND i.is_vouched))
FROM profiles_profile p TABLESAMPLE SYSTEM (%(percent)s)
"""
# Each live segment's size now and at the last point measured a week ago, or the first one since.
SEGMENT_MOVEMENTS = """
SELECT s.id, s.name, s.size, coalesce(before.size, later.size)
FROM segments_segment s
LEFT JOIN LATERAL (SELECT z.size FROM segments_segmentsize z
    WHERE z.segment_id = s.id AND z.measured_at <= %(since)s ORDER BY z.measured_at DESC LIMIT 1) before ON true
LEFT JOIN LATERAL (SELECT z.size FROM segments_segmentsize z
    WHERE z.segment_id = s.id AND z.measured_at > %(since)s ORDER BY z.measured_at LIMIT 1) later ON true
WHERE s.status = 'live'
ORDER BY abs(s.size - coalesce(before.size, later.size, s.size)) DESC, s.size DESC
LIMIT %(most)s
"""
