"""The tables of events: partitioned by month, with the indexes and room for HOT updates that Django cannot declare."""

from datetime import UTC, datetime

from django.db import migrations

from profiles.lib import partitions
from profiles.identity.engine import DEFAULT_RULES

CREATE_TABLES = """
CREATE TABLE profiles_event (
    profile_id bigint NOT NULL,
    "timestamp" timestamptz NOT NULL,
    id uuid NOT NULL,
    identifier_id bigint NOT NULL,
    source_id bigint NOT NULL,
    name_id bigint NOT NULL,
    value numeric,
    properties jsonb NOT NULL,
    context jsonb NOT NULL,
    received_at timestamptz NOT NULL,
    original_timestamp timestamptz,
    sent_at timestamptz,
    PRIMARY KEY (profile_id, "timestamp", id)
) PARTITION BY RANGE ("timestamp");
CREATE INDEX profiles_event_by_name ON profiles_event (name_id, "timestamp") INCLUDE (profile_id, value);
CREATE INDEX profiles_event_by_profile ON profiles_event (profile_id, name_id, "timestamp") INCLUDE (value);

CREATE TABLE profiles_eventstat (
    profile_id bigint NOT NULL,
    name_id bigint NOT NULL,
    count bigint NOT NULL,
    sum numeric NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (profile_id, name_id)
) WITH (fillfactor = 80);

-- Facts are judged in the order of this sequence, drawn under the people lock.
CREATE SEQUENCE profiles_fact_seq;

-- Most updates touch no index: leave them room on their page.
ALTER TABLE profiles_profile SET (fillfactor = 80);
ALTER TABLE profiles_identifier SET (fillfactor = 80);
ALTER TABLE profiles_sourcerecord SET (fillfactor = 80);
-- No planner statistics on contact columns: after an erasure they would keep samples of values.
ALTER TABLE profiles_identifier ALTER COLUMN value SET STATISTICS 0;
ALTER TABLE profiles_profile ALTER COLUMN traits SET STATISTICS 0;
ALTER TABLE profiles_sourcerecord ALTER COLUMN traits SET STATISTICS 0;
"""
DROP_TABLES = """
DROP TABLE profiles_event;
DROP TABLE profiles_eventstat;
DROP SEQUENCE profiles_fact_seq;
"""


def make_partitions(apps, schema_editor):
    partitions.make_first_partitions("profiles_event", now=datetime.now(UTC))


def make_rules(apps, schema_editor):
    """The default identity rules as rows, so that staff see and edit them."""
    apps.get_model("profiles", "IdentityRule").objects.bulk_create(
        apps.get_model("profiles", "IdentityRule")(
            namespace=rule.namespace,
            priority=rule.priority,
            limit_count=rule.limit.count if rule.limit else None,
            limit_days=rule.limit.days if rule.limit else None,
            is_unique=rule.is_unique,
            is_weak=rule.is_weak,
        )
        for rule in DEFAULT_RULES.namespaces.values()
    )


class Migration(migrations.Migration):
    dependencies = [("profiles", "0001_initial")]
    operations = [
        migrations.RunSQL(CREATE_TABLES, DROP_TABLES),
        migrations.RunPython(make_partitions, migrations.RunPython.noop),
        migrations.RunPython(make_rules, migrations.RunPython.noop),
    ]
