"""The chain over the ledger, append-only as the ledger is."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

GUARD = """
CREATE TRIGGER ledger_seal_append_only BEFORE UPDATE OR DELETE ON consent_ledgerseal
    FOR EACH ROW EXECUTE FUNCTION consent_refuse_change();
CREATE TRIGGER ledger_seal_no_truncate BEFORE TRUNCATE ON consent_ledgerseal
    FOR EACH STATEMENT EXECUTE FUNCTION consent_refuse_change();
"""
UNGUARD = """
DROP TRIGGER ledger_seal_append_only ON consent_ledgerseal;
DROP TRIGGER ledger_seal_no_truncate ON consent_ledgerseal;
"""


class Migration(migrations.Migration):
    dependencies = [("consent", "0007_no_samples_of_content")]
    operations = [
        migrations.CreateModel(
            name="LedgerSeal",
            fields=[
                (
                    "number",
                    models.BigIntegerField(
                        help_text="1, 2, 3 and so on.", primary_key=True, serialize=False
                    ),
                ),
                ("seq", models.BigIntegerField(help_text="That of the event.", unique=True)),
                (
                    "hash",
                    models.CharField(
                        help_text="SHA-256 over the link before and the event.", max_length=64
                    ),
                ),
                (
                    "sealed_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                (
                    "event",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="seal",
                        to="consent.consentevent",
                    ),
                ),
            ],
        ),
        migrations.RunSQL(GUARD, UNGUARD),
    ]
