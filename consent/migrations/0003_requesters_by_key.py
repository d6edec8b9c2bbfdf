"""Who requested something is kept by primary key, so that renaming a key or a login loses nobody."""

from django.db import migrations

# What was kept was the login of staff, or the name of a service's key with its prefix.
REWRITE = """
UPDATE consent_privacyrequest SET requested_by = 'staff:' || auth_user.id
    FROM auth_user WHERE requested_by = username AND door = 'staff';
UPDATE consent_privacyrequest SET requested_by = 'service:' || profiles_apikey.id
    FROM profiles_apikey WHERE requested_by = name || ' (' || prefix || '…)' AND door = 'service';
"""


class Migration(migrations.Migration):
    dependencies = [
        ("consent", "0002_ledger_guards"),
        ("profiles", "0005_audit"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]
    operations = [migrations.RunSQL(REWRITE, migrations.RunSQL.noop)]
