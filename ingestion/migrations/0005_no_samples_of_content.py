"""The planner keeps no samples of what people said: in an emptied table they would outlive it."""

from django.db import migrations

# Setting the type that a column has writes no row, and forgets the samples that are there.
FORGET = """
ALTER TABLE ingestion_inboxrow ALTER COLUMN body SET STATISTICS 0;
ALTER TABLE ingestion_inboxrow ALTER COLUMN body TYPE bytea;
ALTER TABLE ingestion_rejectedmessage ALTER COLUMN body SET STATISTICS 0,
    ALTER COLUMN message_id SET STATISTICS 0, ALTER COLUMN type SET STATISTICS 0,
    ALTER COLUMN detail SET STATISTICS 0;
ALTER TABLE ingestion_rejectedmessage ALTER COLUMN body TYPE bytea,
    ALTER COLUMN message_id TYPE varchar(255), ALTER COLUMN type TYPE varchar(32),
    ALTER COLUMN detail TYPE text;
"""


class Migration(migrations.Migration):
    dependencies = [("ingestion", "0004_mending_and_counts")]
    operations = [migrations.RunSQL(FORGET, migrations.RunSQL.noop)]
