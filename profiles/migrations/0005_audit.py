"""The audit, which takes the place of the admin's own log, and the roles that may read it."""

import django.db.models.deletion
import django.db.models.functions.datetime
import uuid_utils.compat
from django.db import migrations, models

# A database user who can write could still alter the past, so the database refuses it. Deletion
# stays possible: entries end with their lifetime.
GUARD = """
CREATE FUNCTION profiles_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is not changed: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER audit_entry_unchanged BEFORE UPDATE ON profiles_auditentry
    FOR EACH ROW EXECUTE FUNCTION profiles_refuse_change();
"""
UNGUARD = """
DROP TRIGGER audit_entry_unchanged ON profiles_auditentry;
DROP FUNCTION profiles_refuse_change();
"""
# It has names of people in its texts, and nothing writes it any more.
EMPTY_ADMIN_LOG = "DELETE FROM django_admin_log"
READERS = ("auditor", "privacy officer", "admin")


def let_roles_read(apps, schema_editor):
    content_type, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label="profiles", model="auditentry"
    )
    permission, _ = apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=content_type,
        codename="view_auditentry",
        defaults={"name": "Can view audit entry"},
    )
    # Staff may have renamed or deleted a role meanwhile.
    for role in apps.get_model("auth", "Group").objects.filter(name__in=READERS):
        role.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [
        ("profiles", "0004_messages_taken_by_requests"),
        ("admin", "0003_logentry_add_action_flag_choices"),
    ]
    operations = [
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                (
                    "actor_kind",
                    models.CharField(
                        choices=[
                            ("staff", "staff"),
                            ("service", "a service"),
                            ("customer", "a customer"),
                            ("system", "Tessera itself"),
                        ],
                        max_length=16,
                    ),
                ),
                ("actor_id", models.CharField(blank=True, max_length=120)),
                ("verb", models.CharField(max_length=64)),
                ("object_type", models.CharField(max_length=64)),
                ("object_key", models.CharField(blank=True, max_length=255)),
                ("changes", models.JSONField(default=dict)),
            ],
            options={
                "verbose_name_plural": "audit entries",
                "ordering": ["-id"],
                "indexes": [
                    models.Index(fields=["object_type", "object_key"], name="audit_entry_object"),
                    models.Index(fields=["actor_kind", "actor_id"], name="audit_entry_actor"),
                    models.Index(fields=["at"], name="audit_entry_at"),
                ],
            },
        ),
        migrations.CreateModel(
            name="AuditBody",
            fields=[
                (
                    "entry",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="body",
                        serialize=False,
                        to="profiles.auditentry",
                    ),
                ),
                (
                    "identifier",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="audit_bodies",
                        to="profiles.identifier",
                    ),
                ),
                ("object_key", models.CharField(blank=True, max_length=255)),
                ("reason", models.TextField(blank=True)),
            ],
        ),
        migrations.AlterField(
            model_name="eventname",
            name="kind",
            field=models.CharField(
                choices=[
                    ("track", "track"),
                    ("page", "page"),
                    ("screen", "screen"),
                    ("group", "group"),
                ],
                max_length=8,
            ),
        ),
        migrations.RunSQL(GUARD, UNGUARD),
        migrations.RunSQL(EMPTY_ADMIN_LOG, migrations.RunSQL.noop),
        migrations.RunPython(let_roles_read, migrations.RunPython.noop),
    ]
