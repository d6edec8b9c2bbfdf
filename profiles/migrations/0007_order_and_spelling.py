"""Where a message stood among all that arrived, and the spellings of normaliser version 2."""

import django.contrib.postgres.fields
from django.conf import settings
from django.db import migrations, models

from profiles.identifiers.normalisers import InvalidIdentifier, normalise

# The values that version 2 may spell in another way.
CANDIDATES = """
SELECT id, namespace, value FROM profiles_identifier
WHERE value ~ '[^ -~]' OR (namespace = 'phone' AND value LIKE '+521%')
ORDER BY id
"""

# Only where nobody has the new spelling: ids never change, and the ledger keeps what it refers to.
RESPELL = """
UPDATE profiles_identifier SET value = %(new)s
WHERE id = %(id)s AND NOT EXISTS (
    SELECT FROM profiles_identifier
    WHERE namespace = %(namespace)s AND value = %(new)s
)
"""

# The golden address or number is that of an identifier, and is spelled like it.
RESPELL_TRAIT = """
UPDATE profiles_profile p SET traits = jsonb_set(p.traits, ARRAY[%(namespace)s], to_jsonb(%(new)s::text))
FROM profiles_identifier i
WHERE i.id = %(id)s AND i.value = %(new)s AND p.id = i.profile_id
    AND p.traits ->> %(namespace)s = %(old)s
"""


def respell_identifiers(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(CANDIDATES)
        for id_, namespace, old in cursor.fetchall():
            try:
                new = normalise(namespace, old, region=settings.DEFAULT_PHONE_REGION)
            except InvalidIdentifier:
                continue
            if new != old:
                row = {"id": id_, "namespace": namespace, "old": old, "new": new}
                cursor.execute(RESPELL, row)
                cursor.execute(RESPELL_TRAIT, row)


class Migration(migrations.Migration):

    dependencies = [
        ('profiles', '0006_trust_at_the_edges'),
    ]

    operations = [
        migrations.RunSQL(
            'ALTER TABLE profiles_event ADD COLUMN arrival bigint NOT NULL DEFAULT 0',
            'ALTER TABLE profiles_event DROP COLUMN arrival',
            state_operations=[
                migrations.AddField(
                    model_name='event',
                    name='arrival',
                    field=models.BigIntegerField(default=0, help_text='Its place among all messages that arrived, for events of one time.'),
                ),
            ],
        ),
        migrations.AlterField(
            model_name='identityrule',
            name='blocked_values',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=255), blank=True, default=list, help_text='Values never taken as an identifier, beside those always blocked. In them * stands for any signs, as in test-*.', size=None),
        ),
        migrations.RunPython(respell_identifiers, migrations.RunPython.noop),
    ]
