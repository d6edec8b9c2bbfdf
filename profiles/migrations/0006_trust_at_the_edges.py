"""Roles are changed by superusers alone."""

from django.db import migrations


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
        migrations.RunPython(keep_roles_from_changing_roles, migrations.RunPython.noop),
    ]
