"""The planner keeps no samples of what people said: in an emptied table they would outlive it."""

from django.db import migrations

# Setting the type that a column has writes no row, and forgets the samples that are there.
FORGET = """
ALTER TABLE consent_consentbody ALTER COLUMN evidence SET STATISTICS 0;
ALTER TABLE consent_consentbody ALTER COLUMN evidence TYPE jsonb;
ALTER TABLE consent_privacyrequest ALTER COLUMN body SET STATISTICS 0,
    ALTER COLUMN reason SET STATISTICS 0;
ALTER TABLE consent_privacyrequest ALTER COLUMN body TYPE jsonb, ALTER COLUMN reason TYPE text;
ALTER TABLE consent_requestlogentry ALTER COLUMN note SET STATISTICS 0;
ALTER TABLE consent_requestlogentry ALTER COLUMN note TYPE text;
ALTER TABLE consent_accessarchive ALTER COLUMN content SET STATISTICS 0;
ALTER TABLE consent_accessarchive ALTER COLUMN content TYPE bytea;
ALTER TABLE consent_idempotentanswer ALTER COLUMN answer SET STATISTICS 0;
ALTER TABLE consent_idempotentanswer ALTER COLUMN answer TYPE text;
"""


class Migration(migrations.Migration):
    dependencies = [("consent", "0006_confirmations")]
    operations = [migrations.RunSQL(FORGET, migrations.RunSQL.noop)]
