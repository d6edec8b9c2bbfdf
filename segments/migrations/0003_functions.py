"""What compiled segments call: lower case, local instants and ISO 8601, alike on every supported PostgreSQL.

Invariant: `segments.language.calendar` and `segments.language.patterns.simple_lower` say the same in Python.
"""

from django.db import migrations

# Simple case mapping by code point. The database's own locale may map ASCII only, or whole words.
CREATE_COLLATION = """
DO $$
BEGIN
    IF current_setting('server_version_num')::int >= 170000 THEN
        CREATE COLLATION segments_simple (provider = builtin, locale = 'C.UTF-8');
    ELSE
        CREATE COLLATION segments_simple (provider = libc, locale = 'C.UTF-8');
    END IF;
END
$$;
"""
CREATE_FUNCTIONS = r"""
-- The instant of a local time. AT TIME ZONE already takes a time that does not exist as the later instant, but one that exists
-- twice as the second: the offset of the day before gives the first.
CREATE FUNCTION segments_local(moment timestamp, zone text) RETURNS timestamptz
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    instant timestamptz := moment AT TIME ZONE zone;
    day_before timestamptz := instant - interval '25 hours';
    earlier timestamptz := (moment - ((day_before AT TIME ZONE zone) - (day_before AT TIME ZONE 'UTC'))) AT TIME ZONE 'UTC';
BEGIN
    RETURN CASE WHEN earlier < instant AND earlier AT TIME ZONE zone = moment THEN earlier ELSE instant END;
END
$$;

-- Months are added on the local calendar, clamped to the month's end.
CREATE FUNCTION segments_add(instant timestamptz, months int, zone text) RETURNS timestamptz
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    RETURN segments_local((instant AT TIME ZONE zone) + make_interval(months => months), zone);
END
$$;

-- The date as written, of a date or a date and time; null where the text is neither.
CREATE FUNCTION segments_date(value text) RETURNS date
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    year int;
    month int;
    day int;
BEGIN
    IF value !~ '^(?!9999)[1-9][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])([T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?(Z|[+-](0[0-9]|1[0-4]):?[0-5][0-9])?)?$' THEN
        RETURN NULL;
    END IF;
    year := substr(value, 1, 4)::int;
    month := substr(value, 6, 2)::int;
    day := substr(value, 9, 2)::int;
    IF month IN (4, 6, 9, 11) AND day > 30
        OR month = 2 AND day > (CASE WHEN year % 4 = 0 AND (year % 100 <> 0 OR year % 400 = 0) THEN 29 ELSE 28 END)
    THEN
        RETURN NULL;
    END IF;
    RETURN make_date(year, month, day);
END
$$;

-- A date is its whole local day without its end; a date and time is one instant, with both ends.
CREATE FUNCTION segments_span(value text, zone text) RETURNS tstzrange
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    day date := segments_date(value);
    moment timestamp;
    instant timestamptz;
    written text;
BEGIN
    IF day IS NULL THEN
        RETURN NULL;
    END IF;
    IF length(value) = 10 THEN
        RETURN tstzrange(segments_local(day, zone), segments_local(day + 1, zone), '[)');
    END IF;
    written := substring(value FROM '(Z|[+-][0-9:]+)$');
    moment := day + make_interval(
        hours => substr(value, 12, 2)::int,
        mins => substr(value, 15, 2)::int,
        secs => coalesce(substring(value FROM '^.{16}:([0-9]{2}(?:\.[0-9]+)?)'), '0')::double precision
    );
    IF length(value) = 16 OR written IS NULL THEN
        instant := segments_local(moment, zone);
    ELSIF written = 'Z' THEN
        instant := moment AT TIME ZONE 'UTC';
    ELSE
        instant := (moment - (left(written, 1) || '1')::int
            * make_interval(hours => substr(written, 2, 2)::int, mins => right(written, 2)::int)) AT TIME ZONE 'UTC';
    END IF;
    RETURN tstzrange(instant, instant, '[]');
END
$$;
"""
CREATE_STAGING = """
-- What a full rebuild found, until it is applied: not worth a line of write-ahead log.
CREATE UNLOGGED TABLE segments_stagedmembership (
    rebuild_id uuid NOT NULL,
    segment_id bigint NOT NULL,
    profile_id bigint NOT NULL,
    PRIMARY KEY (rebuild_id, segment_id, profile_id)
);
"""
DROP = """
DROP TABLE segments_stagedmembership;
DROP FUNCTION segments_span(text, text);
DROP FUNCTION segments_date(text);
DROP FUNCTION segments_add(timestamptz, int, text);
DROP FUNCTION segments_local(timestamp, text);
DROP COLLATION segments_simple;
"""


class Migration(migrations.Migration):
    dependencies = [("segments", "0002_membership_tables")]
    operations = [
        migrations.RunSQL(
            [CREATE_COLLATION, CREATE_FUNCTIONS, CREATE_STAGING],
            DROP,
        ),
    ]
