"""Stewards and admins import files; auditors and privacy officers look at imports."""

from django.db import migrations

VIEWERS = ("steward", "privacy officer", "auditor", "admin")
WRITERS = ("steward", "admin")
WANTED = (
    ("fileimport", "view_fileimport", VIEWERS),
    ("fileimport", "add_fileimport", WRITERS),
    ("savedmapping", "view_savedmapping", VIEWERS),
)


def permit(apps, schema_editor):
    types = apps.get_model("contenttypes", "ContentType").objects
    permissions = apps.get_model("auth", "Permission").objects
    groups = apps.get_model("auth", "Group").objects
    for model, codename, roles in WANTED:
        permission, _ = permissions.get_or_create(
            content_type=types.get_or_create(app_label="ingestion", model=model)[0],
            codename=codename,
            defaults={"name": f"Can {codename.replace('_', ' ')}"},
        )
        # Staff may have renamed or deleted a role meanwhile.
        for role in groups.filter(name__in=roles):
            role.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [
        ("ingestion", "0006_imports"),
        ("profiles", "0005_audit"),
    ]
    operations = [migrations.RunPython(permit, migrations.RunPython.noop)]
