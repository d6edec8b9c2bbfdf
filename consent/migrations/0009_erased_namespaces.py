"""People were erased before their namespaces were kept: no namespace may change its spelling."""

from django.db import migrations


def note_earlier_erasures(apps, schema_editor):
    # The list has hashes only, so that nobody knows of which namespaces they are.
    if apps.get_model('consent', 'Suppression').objects.exists():
        apps.get_model('profiles', 'ErasedNamespace').objects.create(namespace='*')


class Migration(migrations.Migration):

    dependencies = [
        ('consent', '0008_ledger_seals'),
        ('profiles', '0014_spellings'),
    ]

    operations = [
        migrations.RunPython(note_earlier_erasures, migrations.RunPython.noop),
    ]
