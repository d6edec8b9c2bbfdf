"""The tables of memberships: what Django cannot declare of them."""

from datetime import UTC, datetime

from django.db import migrations

from profiles.lib import partitions

CREATE_TABLES = """
CREATE TABLE segments_membership (
    profile_id bigint NOT NULL,
    segment_id bigint NOT NULL,
    entered_at timestamptz NOT NULL,
    PRIMARY KEY (profile_id, segment_id)
);
CREATE INDEX segments_membership_by_segment ON segments_membership (segment_id, profile_id) INCLUDE (entered_at);

CREATE SEQUENCE segments_change_seq;
CREATE TABLE segments_membershipchange (
    id bigint NOT NULL DEFAULT nextval('segments_change_seq'),
    segment_id bigint NOT NULL,
    profile_id bigint NOT NULL,
    changed_at timestamptz NOT NULL,
    has_entered boolean NOT NULL,
    reason varchar(16) NOT NULL,
    PRIMARY KEY (profile_id, segment_id, changed_at, id)
) PARTITION BY RANGE (changed_at);
CREATE INDEX segments_change_by_segment ON segments_membershipchange (segment_id, changed_at);
"""
DROP_TABLES = """
DROP TABLE segments_membership;
DROP TABLE segments_membershipchange;
DROP SEQUENCE segments_change_seq;
"""


def make_partitions(apps, schema_editor):
    partitions.make_first_partitions("segments_membershipchange", now=datetime.now(UTC))


class Migration(migrations.Migration):
    dependencies = [("segments", "0001_initial")]
    operations = [
        migrations.RunSQL(CREATE_TABLES, DROP_TABLES),
        migrations.RunPython(make_partitions, migrations.RunPython.noop),
    ]
