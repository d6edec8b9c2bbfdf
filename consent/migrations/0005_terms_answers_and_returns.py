"""Every consent ends, answers to keyed requests are kept, and the erased may come back."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models
from django.db.models import F
from django.utils import timezone

from consent.lib.durations import parse_duration


# The states of grants to one version, given up to when: they end as the fold has it from now on.
END_STATES = """
UPDATE consent_consentstate
SET valid_until = least(valid_until, decided_at + make_interval(months => %s, days => %s))
WHERE purpose_id = %s AND version = %s AND state IN ('given', 'renewed')
"""


def let_every_consent_end(apps, schema_editor):
    """Purposes that rest on consent without an end get the default one, as a version of its own."""
    version_model = apps.get_model("consent", "PurposeVersion")
    for version in version_model.objects.all().order_by("number"):
        period = parse_duration(version.validity or settings.CONSENT_VALIDITY)
        with schema_editor.connection.cursor() as cursor:
            cursor.execute(
                END_STATES, [period.months, period.days, version.purpose_id, version.number]
            )
    endless = version_model.objects.filter(
        legal_basis="consent", validity="", number=F("purpose__current_version")
    )
    for version in list(endless):
        purpose = version.purpose
        purpose.current_version += 1
        purpose.save()
        version.pk, version.number = None, purpose.current_version
        version.validity, version.is_substantial = settings.CONSENT_VALIDITY, False
        version.created_at = timezone.now()
        version.save(force_insert=True)
    # The constraints of this migration's columns are made at its end, after these rows.
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


class Migration(migrations.Migration):

    dependencies = [
        ('consent', '0004_requests_set_apart'),
    ]

    operations = [
        migrations.CreateModel(
            name='IdempotentAnswer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('scope', models.CharField(max_length=64, unique=True)),
                ('digest', models.CharField(max_length=64)),
                ('status', models.PositiveSmallIntegerField()),
                ('answer', models.TextField(help_text='The JSON of the answer.')),
                ('identifier_ids', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), default=list, size=None)),
                ('conflicts', models.PositiveIntegerField(default=0, help_text='How often the key came again with another body.')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.AddField(
            model_name='consentevent',
            name='reached_identifier_ids',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), null=True, size=None),
        ),
        migrations.AddField(
            model_name='purpose',
            name='replaces',
            field=models.ForeignKey(blank=True, help_text='Who said no to that purpose has objected to this one.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='consent.purpose'),
        ),
        migrations.AlterField(
            model_name='purposeversion',
            name='validity',
            field=models.CharField(blank=True, help_text='How long a consent lasts, such as P13M.', max_length=32),
        ),
        migrations.AddField(
            model_name='suppression',
            name='lifted_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='suppression',
            name='refusals',
            field=models.JSONField(default=list),
        ),
        migrations.RunPython(let_every_consent_end, migrations.RunPython.noop),
    ]
