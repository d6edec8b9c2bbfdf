"""The planner keeps no samples of what people said: in an emptied table they would outlive it."""

from django.db import migrations

# Setting the type that a column has writes no row, and forgets the samples that are there.
FORGET = """
ALTER TABLE profiles_event ALTER COLUMN properties SET STATISTICS 0,
    ALTER COLUMN context SET STATISTICS 0;
ALTER TABLE profiles_event ALTER COLUMN properties TYPE jsonb, ALTER COLUMN context TYPE jsonb;
ALTER TABLE profiles_traitlock ALTER COLUMN value SET STATISTICS 0,
    ALTER COLUMN reason SET STATISTICS 0;
ALTER TABLE profiles_traitlock ALTER COLUMN value TYPE jsonb, ALTER COLUMN reason TYPE text;
ALTER TABLE profiles_auditbody ALTER COLUMN reason SET STATISTICS 0;
ALTER TABLE profiles_auditbody ALTER COLUMN reason TYPE text;
ALTER TABLE profiles_identitydecision ALTER COLUMN reason SET STATISTICS 0;
ALTER TABLE profiles_identitydecision ALTER COLUMN reason TYPE text;
"""


class Migration(migrations.Migration):
    dependencies = [("profiles", "0011_no_keys_across_machines")]
    operations = [migrations.RunSQL(FORGET, migrations.RunSQL.noop)]
