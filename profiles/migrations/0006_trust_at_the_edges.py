"""Roles are changed by superusers alone; quarantines end; claims are no wanters of an identifier."""

import django.db.models.functions.datetime
from django.db import migrations, models

# Ends the quarantines that claims alone brought about: refused for trust, they are no wanters.
RELEASE_FROM_CLAIMS = """
UPDATE profiles_identifier i
SET quarantined_at = NULL, released_seq = (SELECT max(seq) FROM profiles_identityfact)
WHERE i.quarantined_at IS NOT NULL AND i.is_vouched AND (
    SELECT count(DISTINCT o.wanter_id) FROM profiles_identityoutcome o
    WHERE o.identifier_id = i.id AND o.rule NOT IN ('takeover', 'quarantine', 'trust')
) <= 20
"""


def keep_roles_from_changing_roles(apps, schema_editor):
    permissions = apps.get_model("auth", "Permission").objects.filter(
        content_type__app_label="auth",
        codename__in=["add_group", "change_group", "delete_group", "add_permission", "change_permission"],
    )
    # Of every role: staff may have renamed or copied the one that had them.
    for role in apps.get_model("auth", "Group").objects.all():
        role.permissions.remove(*permissions)


class Migration(migrations.Migration):
    dependencies = [("profiles", "0005_audit")]
    operations = [
        migrations.CreateModel(
            name="IdentityRulesVersion",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("after_seq", models.BigIntegerField()),
                ("rules", models.JSONField()),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
            ],
            options={"ordering": ["pk"]},
        ),
        migrations.AddField(
            model_name="identifier",
            name="released_seq",
            field=models.BigIntegerField(
                editable=False,
                help_text="The last fact before staff released it: quarantine and wants until then ended.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="eventname",
            name="claimed_by",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=models.deletion.SET_NULL,
                related_name="+",
                to="profiles.source",
            ),
        ),
        migrations.AddField(
            model_name="traitdefinition",
            name="claimed_by",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=models.deletion.SET_NULL,
                related_name="+",
                to="profiles.source",
            ),
        ),
        migrations.RunSQL(RELEASE_FROM_CLAIMS, migrations.RunSQL.noop),
        migrations.RunPython(keep_roles_from_changing_roles, migrations.RunPython.noop),
    ]
