"""A large store to measure on, written into the tables as the drain would have left it.

All statements are SQL, since millions of rows are made by the database itself. Rows come first and
indexes after, which takes a fifth of the time.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from profiles.models import Source

FILLED_TABLES = [
    "profiles_profile",
    "profiles_identifier",
    "profiles_sourcerecord",
    "profiles_event",
    "profiles_eventstat",
]

# Returns the constraints of the tables and the foreign keys into them, as two statements each that
# drop and make them: those that depend on others are first. Columns: drop, make.
CONSTRAINTS = """
SELECT
    format('ALTER TABLE %%s DROP CONSTRAINT %%I', conrelid::regclass, conname),
    format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', conrelid::regclass, conname,
        pg_get_constraintdef(oid))
FROM pg_constraint
WHERE (conrelid = ANY(%(tables)s::regclass[]) OR confrelid = ANY(%(tables)s::regclass[]))
  AND contype IN ('p', 'u', 'f') AND conparentid = 0
ORDER BY contype <> 'f'
"""

# Returns the indexes of the tables that no constraint makes, likewise.
INDEXES = """
SELECT
    format('DROP INDEX %%s', indexrelid::regclass),
    -- Of a partitioned table: with those of its partitions.
    replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ')
FROM pg_index
WHERE indrelid = ANY(%(tables)s::regclass[])
  AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
"""

# Makes random() return the same numbers in every run.
SEED = "SELECT setseed(0.42)"

# Inserts profiles with the ids 1 to `people` and three traits.
PROFILES = """
INSERT INTO profiles_profile (id, uuid, traits, is_restricted, first_seen_at, last_seen_at)
SELECT
    number,
    gen_random_uuid(),
    jsonb_build_object(
        'city',
        (ARRAY['Paris', 'Lyon', 'Lille', 'Nantes', 'Rennes', 'Nice'])[1 + floor(random() * 6)::int],
        'age_group', 20 + 10 * floor(random() * 6)::int,
        'newsletter', random() < 0.5
    ),
    false,
    now() - interval '1 year',
    now()
FROM generate_series(1, %(people)s) AS number
"""

# Moves the sequence of ids behind those that were given above.
PROFILE_SEQUENCE = "SELECT setval(pg_get_serial_sequence('profiles_profile', 'id'), %(people)s)"

# Inserts two identifiers of each profile: a user_id as in the messages of `World`, and the public
# UUID. The id of the profile serves as the number of its identity component.
IDENTIFIERS = """
INSERT INTO profiles_identifier
    (namespace, value, profile_id, component, is_vouched, since, first_seen_on, last_seen_on)
SELECT
    kind.namespace,
    CASE kind.namespace WHEN 'profile' THEN uuid::text ELSE 'user-' || (id - 1) END,
    id,
    id,
    kind.namespace <> 'profile',
    current_date,
    current_date,
    current_date
FROM profiles_profile
CROSS JOIN (VALUES ('user_id'), ('profile')) AS kind (namespace)
ORDER BY id
"""

# Inserts one source record of each profile, which states all of its traits.
RECORDS = """
INSERT INTO profiles_sourcerecord
    (identifier_id, profile_id, source_id, trust, traits, updated_at)
SELECT
    i.id,
    p.id,
    %(source)s,
    2,
    (SELECT jsonb_object_agg(key, jsonb_build_array(value, 1)) FROM jsonb_each(p.traits)),
    now()
FROM profiles_profile p
JOIN profiles_identifier i ON i.profile_id = p.id AND i.namespace = 'user_id'
"""

# Inserts the names of the events below.
EVENT_NAMES = """
INSERT INTO profiles_eventname (uuid, kind, name, value_property, reduces)
VALUES
    (gen_random_uuid(), 'track', 'Product Viewed', 'revenue', ''),
    (gen_random_uuid(), 'track', 'Order Completed', 'revenue', '')
"""

# Inserts events of the last year, one in five of them an order. The exponent of 1/3 leaves most of
# them to few profiles.
EVENTS = """
INSERT INTO profiles_event
    (profile_id, "timestamp", id, identifier_id, source_id, name_id, value, properties, context,
    received_at)
SELECT
    drawn.person,
    drawn.at,
    gen_random_uuid(),
    i.id,
    %(source)s,
    n.id,
    CASE WHEN drawn.is_order THEN drawn.amount END,
    jsonb_build_object('product', 'lamp', 'category', 'outdoor', 'price', drawn.amount)
        || CASE
            WHEN drawn.is_order THEN jsonb_build_object('revenue', drawn.amount)
            ELSE '{}'::jsonb
        END,
    '{"locale": "fr-FR"}',
    drawn.at
FROM (
    SELECT
        1 + floor(%(people)s * (1 - power(random(), 1.0 / 3)))::bigint AS person,
        now() - random() * interval '365 days' AS at,
        random() < 0.2 AS is_order,
        round((5 + random() * 495)::numeric, 2) AS amount
    FROM generate_series(1, %(events)s)
) AS drawn
JOIN profiles_identifier i ON i.profile_id = drawn.person AND i.namespace = 'user_id'
JOIN profiles_eventname n
    ON n.name = CASE WHEN drawn.is_order THEN 'Order Completed' ELSE 'Product Viewed' END
"""

# Inserts the statistics that the drain would keep of these events.
EVENT_STATISTICS = """
INSERT INTO profiles_eventstat (profile_id, name_id, count, sum, first_at, last_at)
SELECT
    profile_id, name_id, count(*), coalesce(sum(value), 0), min("timestamp"), max("timestamp")
FROM profiles_event
GROUP BY profile_id, name_id
"""


def write_base(source: Source, *, people: int, events: int) -> None:
    """Write so many profiles with a user_id and traits, and so many events of one year."""
    parameters = {"source": source.pk, "people": people, "events": events}
    with connection.cursor() as cursor, _indexes_made_afterwards():
        for statement in (SEED, PROFILES, PROFILE_SEQUENCE, IDENTIFIERS):
            cursor.execute(statement, parameters)
        # The planner must know the identifiers before it joins them to millions of events.
        cursor.execute("ANALYZE profiles_identifier")
        for statement in (RECORDS, EVENT_NAMES, EVENTS, EVENT_STATISTICS):
            cursor.execute(statement, parameters)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


@contextmanager
def _indexes_made_afterwards() -> Iterator[None]:
    """Drop the indexes and keys of the tables that are filled, and make them again at the end."""
    with connection.cursor() as cursor:
        pairs = []
        for statement in (CONSTRAINTS, INDEXES):
            cursor.execute(statement, {"tables": FILLED_TABLES})
            pairs += cursor.fetchall()
        for drop, _ in pairs:
            cursor.execute(drop)
        yield
        # Keys are made before the foreign keys that need them.
        for _, make in reversed(pairs):
            cursor.execute(make)
