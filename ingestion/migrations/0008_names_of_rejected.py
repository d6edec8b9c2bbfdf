"""Whom a rejected message names, as hashes by which an erasure finds it without opening the others."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('ingestion', '0007_import_roles'),
        ('profiles', '0014_spellings'),
    ]

    operations = [
        migrations.AddField(
            model_name='rejectedmessage',
            name='names',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), editable=False, help_text='Keyed hashes of whom it names or mentions; null where nobody looked yet.', null=True, size=None),
        ),
        migrations.AddIndex(
            model_name='rejectedmessage',
            index=django.contrib.postgres.indexes.GinIndex(fields=['names'], name='rejected_message_names'),
        ),
    ]
