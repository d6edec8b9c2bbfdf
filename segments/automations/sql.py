"""Statements of automations.

Invariant: no statement has values in its text, and none joins what lies by person with what lies by
automation.
"""

# Takes the next run that is due and that no other worker has. Not ORM: one statement, which passes
# over what others hold; an automation that is paused keeps its runs where they are.
CLAIM_RUN = """
SELECT r.id FROM segments_automationrun r JOIN segments_automation a ON a.id = r.automation_id
WHERE r.state = 'active' AND r.due_at <= %s AND a.status = 'live' AND r.id <> ALL(%s::bigint[])
ORDER BY r.due_at, a.priority, r.id LIMIT 1 FOR UPDATE OF r SKIP LOCKED
"""

# Locks the next mail that is due and that no other worker has, and returns it. Not ORM, likewise.
LOCK_MAIL = """
SELECT d.id FROM segments_automationdecision d
WHERE d.mail_state = 'pending' AND (d.mail_due_at IS NULL OR d.mail_due_at <= clock_timestamp())
ORDER BY d.id LIMIT 1 FOR UPDATE SKIP LOCKED
"""

# Returns whether a condition holds for one person. Not ORM: the condition is a definition.
HOLDS = """
SELECT p.id FROM profiles_profile p {joins}
WHERE p.id = ANY({ids}::bigint[]) AND NOT p.is_restricted AND {condition}
"""

# Returns the place of one person on the circle of a split, in percent. Not ORM: the place is that
# of the language's `bucket`, so that segments and splits divide people alike.
PLACE = "SELECT {place}::float8 FROM profiles_profile p WHERE p.id = {profile}"

# Returns the places of people on that circle, by their public UUIDs. Not ORM, likewise.
PLACES = """
SELECT p.uuid, {place}::float8 FROM profiles_profile p WHERE p.uuid = ANY({keys}::uuid[])
"""

# Returns the people for whom the day of a trait, so many days later, falls between two days, with
# that day. Not ORM: what is a date, and when 29 February recurs, is said by the language's own
# functions.
DUE_BY_DATE = """
SELECT b.id, b.day + %(days)s AS day FROM (
    SELECT p.id, CASE WHEN %(is_yearly)s
        THEN segments_anniversary(segments_date(p.traits ->> %(trait)s), %(first)s::date - %(days)s)
        ELSE segments_date(p.traits ->> %(trait)s) END AS day
    FROM profiles_profile p WHERE NOT p.is_restricted AND p.traits ? %(trait)s
) b
WHERE b.day + %(days)s BETWEEN %(first)s::date AND %(last)s::date
ORDER BY b.id
"""

# Returns the events of some people that came live at these times and pass a condition, and are not
# old. Not ORM: the condition is a definition.
LIVE_EVENTS = """
SELECT e.profile_id, e.id, e."timestamp" FROM profiles_event e
JOIN unnest({ids}::bigint[], {received}::timestamptz[]) AS arrived (profile_id, received_at)
    ON e.profile_id = arrived.profile_id AND e.received_at = arrived.received_at
WHERE e.name_id = {name} AND e."timestamp" > {since}::timestamptz
    AND e."timestamp" <= {now}::timestamptz + interval '1 hour' AND {where}
ORDER BY e."timestamp", e.id
"""

# Returns when the first event of a person came after a time that passes a condition. Not ORM,
# likewise.
FIRST_EVENT = """
SELECT min(e."timestamp") FROM profiles_event e
WHERE e.profile_id = {profile} AND e.name_id = {name}
    AND e."timestamp" > {since}::timestamptz AND e."timestamp" <= {until}::timestamptz
    AND {where} AND {same}
"""

# Says that an event has the value of another one in a property. Not ORM, likewise.
SAME = """
e.properties #> {path}::text[] = (
    SELECT o.properties #> {path}::text[] FROM profiles_event o
    WHERE o.profile_id = {profile} AND o."timestamp" = {at}::timestamptz AND o.id = {event}::uuid)
"""

# Returns by day how many people a trigger would have started. Not ORM: days of the store's zone.
STARTS_BY_EVENT = """
SELECT (e."timestamp" AT TIME ZONE {zone}::text)::date AS day, count(DISTINCT e.profile_id)
FROM profiles_event e
WHERE e.name_id = {name} AND e."timestamp" > {since}::timestamptz
    AND e."timestamp" <= {now}::timestamptz AND {where}
GROUP BY day ORDER BY day
"""
STARTS_BY_SEGMENT = """
SELECT (c.changed_at AT TIME ZONE {zone}::text)::date AS day, count(DISTINCT c.profile_id)
FROM segments_membershipchange c
WHERE c.segment_id = {segment} AND c.changed_at > {since}::timestamptz
    AND c.changed_at <= {now}::timestamptz AND c.has_entered = {has_entered}::boolean
    AND c.reason = ANY({reasons}::text[])
GROUP BY day ORDER BY day
"""
