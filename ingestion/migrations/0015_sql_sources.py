"""SQL sources, which stewards and admins make."""

import django.db.models.deletion
import django.db.models.functions.datetime
import uuid
from django.db import migrations, models


VIEWERS = ("steward", "privacy officer", "auditor", "admin")
WRITERS = ("steward", "admin")
WANTED = (
    ("sqlsource", "view_sqlsource", VIEWERS),
    ("sqlsource", "add_sqlsource", WRITERS),
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
        ('ingestion', '0014_forbidden_names'),
        ('profiles', '0030_staff_preferences'),
    ]

    operations = [
        migrations.AlterField(
            model_name='fileimport',
            name='status',
            field=models.CharField(choices=[('uploading', 'uploading'), ('uploaded', 'uploaded'), ('reading', 'being read'), ('querying', 'being queried'), ('applying', 'taking effect'), ('done', 'done'), ('failed', 'failed'), ('cancelled', 'cancelled')], default='uploading', max_length=10),
        ),
        migrations.CreateModel(
            name='SqlSource',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('name', models.CharField(max_length=120)),
                ('sealed_url', models.BinaryField()),
                ('place', models.CharField(editable=False, help_text='Dialect, host and database of the address.', max_length=255)),
                ('query', models.TextField(help_text='One SELECT, without a semicolon.')),
                ('cursor_column', models.CharField(help_text='A column of the query that only grows, such as updated_at.', max_length=255)),
                ('look_back_minutes', models.PositiveIntegerField(default=60, help_text='How much later than their time rows may become visible.')),
                ('mapping', models.JSONField(default=dict, help_text='What the columns mean.')),
                ('interval_minutes', models.PositiveIntegerField(default=60, help_text='From the end of a run to the next.')),
                ('position', models.JSONField(blank=True, editable=False, null=True)),
                ('state', models.CharField(choices=[('active', 'active'), ('paused', 'paused')], default='active', editable=False, max_length=6)),
                ('pause_reason', models.CharField(blank=True, editable=False, help_text='staff, or the last fault.', max_length=63)),
                ('failures', models.PositiveSmallIntegerField(default=0, editable=False, help_text='Failed runs in a row.')),
                ('fault', models.CharField(blank=True, editable=False, help_text='Why the last run failed.', max_length=63)),
                ('next_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), db_index=True, editable=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('lease', models.UUIDField(editable=False, null=True)),
                ('leased_until', models.DateTimeField(editable=False, null=True)),
                ('source', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='sql_sources', to='profiles.source')),
            ],
            options={
                'verbose_name': 'SQL source',
                'ordering': ['name', 'id'],
            },
        ),
        migrations.CreateModel(
            name='SqlRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.JSONField(editable=False, null=True)),
                ('without_cursor', models.BigIntegerField(default=0, help_text='Rows that have no value in the cursor column, which are not read.')),
                ('fault', models.CharField(blank=True, help_text='Why it failed.', max_length=63)),
                ('started_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('finished_at', models.DateTimeField(null=True)),
                ('file_import', models.OneToOneField(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='sql_run', to='ingestion.fileimport')),
                ('sql_source', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='runs', to='ingestion.sqlsource')),
            ],
            options={
                'verbose_name': 'run of a SQL source',
                'verbose_name_plural': 'runs of SQL sources',
                'ordering': ['-id'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('finished_at', None)), fields=('sql_source',), name='sql_run_one_at_a_time')],
            },
        ),
        migrations.RunPython(permit, migrations.RunPython.noop),
    ]
